// Clips to choose one of. value: {clip}.
rescene.gallery = ({ element, props, trigger, clips }) => {
  const { make, url } = rescene;
  const choose = (name) => { props.value = { clip: name }; draw(); trigger('change'); };
  const draw = () => element.replaceChildren(make('div', { class: 'rs-clips', role: 'listbox', 'aria-label': 'Clips to follow' },
    ...clips.map((clip) => make('button', { type: 'button', role: 'option', class: 'rs-card', 'data-clip': clip.name, 'aria-current': clip.name === props.value?.clip, 'aria-selected': clip.name === props.value?.clip, onclick: () => choose(clip.name) },
      rescene.film(url(`sources/${clip.source}/video`)), make('span', {}, clip.title)))));
  draw();
};

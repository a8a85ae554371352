// Clips to choose one of. value: {clip}.
rescene.gallery = ({ element, props, trigger, clips }) => {
  const { make, url } = rescene;
  const choose = (name) => { props.value = { clip: name }; draw(); trigger('change'); };
  const draw = () => element.replaceChildren(make('div', { class: 'rs-clips', role: 'listbox', 'aria-label': 'Clips to follow' },
    ...clips.map((clip) => {
      const video = make('video', { src: url(`sources/${clip.source}/video`), muted: true, loop: true, autoplay: true, playsinline: true });
      video.muted = true;
      return make('button', { type: 'button', role: 'option', class: 'rs-card', 'data-clip': clip.name, 'aria-current': clip.name === props.value?.clip, 'aria-selected': clip.name === props.value?.clip, onclick: () => choose(clip.name) }, video, make('span', {}, clip.title));
    })));
  draw();
};

// Where a video comes from: dropped, chosen, or one of the examples. value: {source} or {example}.
rescene.picker = ({ element, props, trigger, examples }) => {
  const { make, url, ask } = rescene;
  const input = make('input', { type: 'file', accept: 'video/*,.mkv,.avi,.gif', class: 'rs-unseen', 'aria-label': 'Choose a video' });
  const line = make('span', { class: 'rs-quiet' }, 'mp4, mov, webm, mkv, avi or gif');
  const bar = make('progress', { max: 1, hidden: true });
  const zone = make('label', { class: 'rs-drop' }, make('strong', {}, 'Drop a video, or choose one'), line, bar, input);
  const choose = (value) => { props.value = { ...value, turn: ((props.value && props.value.turn) || 0) + 1 }; trigger('change'); };

  const send = (file) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', url('sources'));
    request.setRequestHeader('x-name', encodeURIComponent(file.name));
    request.upload.onprogress = (event) => { bar.value = event.loaded / event.total; if (event.loaded === event.total) { bar.removeAttribute('value'); line.textContent = 'Checking'; } };
    request.onload = () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* no JSON: told below */ }
      if (request.status === 200) resolve(answer); else reject(new Error(answer.error || 'the server refused the file'));
    };
    request.onerror = () => reject(new Error('the upload broke off; the file may be larger than is taken here'));
    request.send(file);
  });

  const take = async (file) => {
    if (!file) return;
    zone.classList.remove('rs-refused');
    zone.classList.add('rs-busy');
    bar.hidden = false;
    line.textContent = `Sending ${file.name}`;
    try {
      const source = await send(file);
      line.textContent = source.name;
      choose({ source });
    } catch (error) {
      zone.classList.add('rs-refused');
      line.textContent = error.message;
    }
    bar.hidden = true;
    zone.classList.remove('rs-busy');
    input.value = '';
  };
  input.addEventListener('change', () => take(input.files[0]));
  for (const [name, over] of [['dragover', true], ['dragleave', false], ['drop', false]]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.toggle('rs-over', over); });
  }
  zone.addEventListener('drop', (event) => take(event.dataTransfer.files[0]));

  const card = ({ name, title }) => make('button', { type: 'button', class: 'rs-example', 'data-example': name, onclick: () => choose({ example: name }) }, title);
  const still = ({ source }) => make('img', { src: url(`sources/${source}/strip`), alt: 'A clip that comes along:' });
  // Examples of one clip share its picture.
  const cards = examples.flatMap((example, at) => (examples[at - 1]?.source === example.source ? [card(example)] : [still(example), card(example)]));
  element.replaceChildren(zone, make('div', { class: 'rs-examples' }, make('span', { class: 'rs-quiet' }, 'or try'), ...cards));
};

// What all parts of the page share: elements, requests and times in words.
const rescene = {};

// An element with attributes and children; text is always text, never markup.
rescene.make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name.startsWith('aria-')) node.setAttribute(name, String(value));
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
};

rescene.url = (path) => new URL(`rescene/${path}`, document.baseURI).href;

// Asks the server; what it refuses becomes an Error with its words.
rescene.ask = async (path, options = {}) => {
  const response = await fetch(rescene.url(path), { credentials: 'same-origin', ...options });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(answer.error || 'the server gave no answer'), { status: response.status });
  return answer;
};

rescene.spoken = (seconds) => {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return minutes < 10 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

rescene.icon = (path) => {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  svg.innerHTML = `<path d="${path}"/>`;
  return svg;
};
// A video that plays by itself, over and over; and one that shows a frame.
rescene.film = (src) => {
  const video = rescene.make('video', { src, loop: true, autoplay: true, playsinline: true });
  video.muted = true;
  return video;
};
rescene.still = (src) => rescene.make('video', { src: `${src}#t=0.1`, muted: true, preload: 'metadata', playsinline: true });

// A frame, divided: what the page is about, where there is nothing to show yet.
rescene.mark = () => {
  const svg = rescene.icon('M2 3h12v10H2zM8 1.4v13.2');
  svg.setAttribute('class', 'rs-mark');
  return svg;
};
rescene.icons = { play: 'M4 2.5v11l9-5.5z', pause: 'M4 3h3v10H4zM9 3h3v10H9z' };

// Jobs of this browser, the newest first; they outlive the tab.
rescene.history = {
  key: 'rescene-jobs',
  all: () => { try { return JSON.parse(localStorage.getItem(rescene.history.key)) || []; } catch { return []; } },
  save: (jobs) => { try { localStorage.setItem(rescene.history.key, JSON.stringify(jobs.slice(0, 24))); } catch { /* private window */ } },
  add: (id, tab) => rescene.history.save([{ id, tab }, ...rescene.history.all().filter((job) => job.id !== id)]),
  drop: (id) => rescene.history.save(rescene.history.all().filter((job) => job.id !== id)),
};

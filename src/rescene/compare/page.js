"use strict";
// Plays all videos in step. Paused, each stands in the middle of a frame, so that all show the same one.

const { frames, fps } = Object.fromEntries(Object.entries(document.body.dataset).map(([k, v]) => [k, Number(v)]));
const [play, scrubber, place, time, speed] = ["play", "scrubber", "place", "time", "speed"].map((id) => document.getElementById(id));
const figures = [...document.querySelectorAll("figure")];
let playing = false;
let frame = 0;

for (const video of document.querySelectorAll("video")) {
  const bytes = Uint8Array.from(atob(video.dataset.mp4), (letter) => letter.charCodeAt(0));
  video.removeAttribute("data-mp4");
  video.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
  video.addEventListener("loadeddata", () => stand(video));
  video.addEventListener("seeked", draw);
}

// The videos that the view needs; the first leads.
function active() {
  const kind = document.body.dataset.view === "flow" ? "flow" : "picture";
  return figures.map((figure) => figure.querySelector(`video.${kind}`));
}

function stand(video) {
  video.currentTime = (frame + 0.5) / fps;
}

function show(number) {
  frame = Math.max(0, Math.min(frames - 1, number));
  document.body.dataset.frame = frame;
  scrubber.value = frame;
  place.textContent = `${frame + 1} / ${frames}`;
  time.textContent = ` · ${(frame / fps).toFixed(2)} s`;
}

function seek(number) {
  pause();
  show(number);
  active().forEach(stand);
}

function pause() {
  if (!playing) return;
  playing = false;
  play.setAttribute("aria-pressed", "false");
  play.setAttribute("aria-label", "Play");
  active().forEach((video) => { video.pause(); stand(video); });
}

async function start() {
  if (frame === frames - 1) { show(0); active().forEach(stand); }
  playing = true;
  play.setAttribute("aria-pressed", "true");
  play.setAttribute("aria-label", "Pause");
  await Promise.all(active().map((video) => video.play()));
  requestAnimationFrame(follow);
}

// Keeps the others with the leader: a little faster or slower, or by a jump where they are far apart.
function follow() {
  if (!playing) return;
  const [leader, ...others] = active();
  const now = leader.currentTime;
  leader.playbackRate = Number(speed.value);
  for (const video of others) {
    const behind = now - video.currentTime;
    video.playbackRate = leader.playbackRate * (1 + Math.max(-0.2, Math.min(0.2, 4 * behind)));
    if (Math.abs(behind) > 0.3) video.currentTime = now;
  }
  show(Math.floor(now * fps));
  draw();
  if (leader.ended) { active().forEach((video) => { video.currentTime = 0; video.play(); }); }
  requestAnimationFrame(follow);
}

// |result - source|, drawn by the compositor; the source's own panel shows the source.
function draw() {
  if (document.body.dataset.view !== "difference") return;
  const source = figures[0].querySelector("video.picture");
  figures.forEach((figure, number) => {
    const video = figure.querySelector("video.picture");
    const canvas = figure.querySelector("canvas");
    if (video.seeking || source.seeking || !video.videoWidth) return;
    if (canvas.width !== video.videoWidth) { canvas.width = video.videoWidth; canvas.height = video.videoHeight; }
    const pen = canvas.getContext("2d");
    pen.globalCompositeOperation = "copy";
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    if (number === 0) return;
    pen.globalCompositeOperation = "difference";
    pen.drawImage(source, 0, 0, canvas.width, canvas.height);
  });
}

play.addEventListener("click", () => (playing ? pause() : start()));
scrubber.addEventListener("input", () => seek(scrubber.valueAsNumber));
document.querySelectorAll("[name=view]").forEach((choice) => choice.addEventListener("change", () => {
  const wasPlaying = playing;
  pause();
  document.body.dataset.view = choice.value;
  active().forEach(stand);
  draw();
  if (wasPlaying) start();
}));
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, button, summary")) return;
  const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -frames, End: frames };
  if (event.key === " ") play.click();
  else if (event.key in steps) seek(frame + steps[event.key]);
  else return;
  event.preventDefault();
});
show(0);

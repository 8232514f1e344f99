/**
 * The path of the lanes, and what the link is set to. It shows what the link is, or what is about to be set: the newest
 * wish of this page while it is on its way, or what the address asks for until the visitor runs it. One link serves all
 * visitors, so opening an address changes nothing.
 */

import { make, need } from '../../lib/dom.js';
import { setText, speaker } from '../../lib/cadence.js';
import { figuresOf, sameProfile, withFigure } from '../../lib/shape.js';
import { parameter, setParameter } from '../../lib/url.js';
import { settingWords } from './course.js';
import { drawBox } from './link-box.js';
import { SettingError, nameOf, queryOf, settingOf } from './setting.js';
import { SLIDERS, figureWords, stopAt } from './stops.js';

/** @typedef {import('./setting.js').Setting} Setting */
/** @typedef {import('./stops.js').FigureName} FigureName */
/** @typedef {import('../../lib/link.js').LinkState} LinkState */
/** @typedef {'direct' | 'link'} Path */

const FIGURES = /** @type {FigureName[]} */ (Object.keys(SLIDERS));

export class LinkPanel {
  /** What the address asks for and the link is not yet. @type {Setting | undefined} */
  asked;
  /** A wish of this page that is on its way. @type {Setting | undefined} */
  #wished;
  /** Whether the visitor has chosen a setting: from then on the address follows the link. */
  #hasChosen = false;

  /**
   * @param {HTMLFormElement} form
   * @param {import('../../lib/link.js').Link} link
   * @param {{ path: () => void, chosen: () => void }} on `path`: the visitor chose another one; `chosen`: a setting
   */
  constructor(form, link, on) {
    this.link = link;
    this.form = form;
    this.on = on;
    this.paths = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll('[name="path"]')]);
    this.profile = /** @type {HTMLSelectElement} */ (need('[name="profile"]', form));
    this.source = need('.source', form);
    this.box = need('.link-box', form);
    this.say = speaker(need('.link-said output', form));
    this.sliders = FIGURES.map((name) => {
      const input = /** @type {HTMLInputElement} */ (need(`[name="${name}"]`, form));
      Object.assign(input, { min: '0', max: String(SLIDERS[name].stops.length - 1), step: '1' });
      input.addEventListener('input', () => this.#slide(name, SLIDERS[name].stops[Number(input.value)]));
      return { name, input, output: need('output', /** @type {HTMLElement} */ (input.parentElement)) };
    });
    this.profile.addEventListener('input', () => this.#choose(this.profile.value));
    form.addEventListener('submit', (event) => event.preventDefault());
    for (const radio of this.paths)
      radio.addEventListener('input', () => {
        setParameter('path', this.path === 'direct' && link.isUsable ? 'direct' : null);
        on.path();
      });
  }

  /** @returns {Path} */
  get path() {
    return this.paths.some(({ checked, value }) => checked && value === 'link') ? 'link' : 'direct';
  }

  /** @param {Path} path */
  choosePath(path) {
    for (const radio of this.paths) radio.checked = radio.value === path;
    setParameter('path', path === 'direct' && this.link.isUsable ? 'direct' : null);
  }

  /** The first answer, or none: the path that this page begins with, and what its address asks of the link. @param {string} [failure] what to say where there is no answer */
  begin(failure) {
    const now = this.link.now;
    for (const { name, title } of now?.profiles ?? []) this.profile.append(make('option', { value: name }, `${name}: ${title}`));
    const path = parameter('path') === 'direct' || !this.link.isUsable ? 'direct' : 'link';
    for (const radio of this.paths) radio.checked = radio.value === path;
    const refused = this.#readAddress();
    this.draw();
    this.say(failure ?? refused ?? this.#beginning());
  }

  /** Asks for what the address wants, if that is to be done; whether the run may begin. @returns {Promise<boolean>} */
  async apply() {
    const { asked } = this;
    if (!asked || this.path === 'direct' || !this.link.now?.may_change) return true;
    this.asked = undefined;
    return this.wish(asked);
  }

  /** @param {Setting} setting @returns {Promise<boolean>} whether the link is it, or what was wished for since */
  async wish(setting) {
    this.#wished = setting;
    this.draw();
    const isSet = await this.link.set(setting.wish);
    if (this.#wished === setting) this.#wished = undefined;
    this.draw();
    return isSet;
  }

  /** What was changed, and by whom, in words. @param {LinkState} now @param {import('../../lib/link.js').By} by */
  changed(now, by) {
    if (!now.profile) return;
    this.say(`${by === 'elsewhere' ? 'Changed elsewhere' : 'Set'}: ${settingWords(now.profile)}.`);
    if (this.#hasChosen && !this.#wished) this.#writeAddress({ name: now.profile.name, profile: now.profile });
  }

  draw() {
    const now = this.link.now;
    const isUp = this.link.isUp;
    for (const element of this.form.querySelectorAll('.of-link')) /** @type {HTMLElement} */ (element).hidden = !isUp && now?.state !== 'lost';
    for (const radio of this.paths) if (radio.value === 'link') radio.disabled = !this.link.isUsable;
    drawBox(this.box, now);
    const shown = this.#wished ?? this.asked ?? (now?.profile && { name: now.profile.name, profile: now.profile });
    if (!shown) return;
    const mayChange = isUp && now?.may_change === true;
    this.profile.disabled = !mayChange;
    const name = shown.name ?? nameOf(shown.profile, now?.profiles ?? []);
    if (this.profile.value !== (name ?? '')) this.profile.value = name ?? '';
    const named = now?.profiles.find((profile) => profile.name === name);
    this.profile.title = named?.source ?? '';
    setText(this.source, `${named ? named.source : 'Set by figures.'} A slider sets both directions, and leaves all else as it is.`);
    const isOut = figuresOf(shown.profile.down).outages_percent > 0;
    for (const { name, input, output } of this.sliders) {
      const words = figureWords(name, shown.profile);
      const at = String(stopAt(name, figuresOf(shown.profile.down)[name]));
      if (input.value !== at) input.value = at;
      input.disabled = !mayChange || (name === 'mean_ms' && !isOut);
      input.setAttribute('aria-valuetext', words);
      setText(output, words);
    }
  }

  /** @param {FigureName} figure @param {number} value */
  #slide(figure, value) {
    const base = this.#wished?.profile ?? this.asked?.profile ?? this.link.now?.profile;
    if (!base) return;
    const { mean_ms } = figuresOf(base.down);
    const profile = withFigure(base, figure, value, Number.isNaN(mean_ms) ? undefined : mean_ms);
    this.#set({ wish: profile, name: null, profile });
  }

  /** @param {string} name */
  #choose(name) {
    const named = this.link.now?.profiles.find((profile) => profile.name === name);
    if (named) this.#set({ wish: name, name, profile: { down: named.down, up: named.up } });
    else this.draw(); // "set by figures" is no setting: the sliders are
  }

  /** @param {Setting} setting */
  #set(setting) {
    this.asked = undefined;
    this.#hasChosen = true;
    this.on.chosen();
    this.#writeAddress(setting);
    this.wish(setting);
  }

  /** @returns {string | undefined} why the address cannot be followed */
  #readAddress() {
    const { now } = this.link;
    if (!now?.profile) return undefined;
    try {
      const setting = settingOf(new URL(location.href).searchParams, now.profiles);
      this.#hasChosen = setting !== undefined;
      if (setting && !sameProfile(setting.profile, now.profile)) this.asked = setting;
      return undefined;
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      return `The address is not followed: ${error.message}. The link stays as it is.`;
    }
  }

  #beginning() {
    const { now } = this.link;
    if (this.link.isUp && !this.link.isUsable)
      return 'This page came by HTTPS, and the link has no TLS: the lanes run on the direct path. Open the server’s http:// address to go through the link.';
    const isWanted = parameter('path') === 'link' && !this.link.isUp;
    if (isWanted) return 'The address asks for the link, which this server does not have: the lanes run on the direct path.';
    if (!now?.profile || !this.link.isUp) return 'The lanes run on the direct path.';
    if (!now.may_change) return `The link is at ${settingWords(now.profile)}. From here it cannot be changed: this server wants a token for that.`;
    if (this.asked && this.path === 'link')
      return `The address asks for ${settingWords({ name: this.asked.name, ...this.asked.profile })}. The link, which all visitors share, is at ${settingWords(now.profile)}: press Run to set it.`;
    return `The link is at ${settingWords(now.profile)}. All visitors of this server share it.`;
  }

  /** @param {{ name: string | null, profile: import('../../lib/shape.js').Profile }} setting */
  #writeAddress(setting) {
    for (const [key, value] of Object.entries(queryOf(setting))) setParameter(key, value);
  }
}

/** One check as a line that opens into its evidence and the fix. */

import { setText } from '../../lib/cadence.js';
import { make, need } from '../../lib/dom.js';

/** @typedef {import('./finding.js').Check} Check */
/** @typedef {import('./finding.js').Finding} Finding */

export class Line {
  /** @type {Finding | undefined} */
  finding;

  /** @param {Check} check */
  constructor(check) {
    this.check = check;
    this.body = make('div', { class: 'check-body' });
    const summary = make(
      'summary',
      {},
      make('b', { class: 'verdict-word' }, 'waits'),
      make('code', {}, check.id),
      make('span', { class: 'what' }, check.what),
      make('span', { class: 'measured' }, 'not run yet'),
    );
    this.details = make('details', { class: 'check', 'data-id': check.id, 'data-verdict': 'waits' }, summary, this.body);
    this.element = make('li', {}, this.details);
    this.wait();
  }

  wait() {
    this.finding = undefined;
    this.#show('waits', 'not run yet');
    this.body.replaceChildren(make('p', {}, this.check.means));
  }

  begin() {
    this.wait();
    this.#show('runs', 'under way …');
  }

  /** @param {Finding} found */
  end(found) {
    this.finding = found;
    this.#show(found.verdict, found.measured);
    /** @type {HTMLElement[]} */
    const parts = [make('p', {}, this.check.means), make('p', {}, make('b', {}, 'Measured: '), found.measured)];
    if (found.hint) parts.push(make('p', { class: 'fix' }, make('b', {}, 'The fix: '), found.hint));
    if (found.evidence.length > 0) {
      const region = { class: 'evidence', tabindex: '0', role: 'region', 'aria-label': `evidence of ${this.check.id}` };
      parts.push(make('pre', region, found.evidence.join('\n')));
    }
    this.body.replaceChildren(...parts);
  }

  /** @param {string} verdict @param {string} measured */
  #show(verdict, measured) {
    this.details.dataset.verdict = verdict;
    setText(need('.verdict-word', this.details), verdict);
    setText(need('.measured', this.details), measured);
  }
}

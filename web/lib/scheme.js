/**
 * Light or dark, before the first paint: a classic blocking script, since a module would flash the other scheme first.
 * The choice lives in the URL (?scheme=dark); without one the page follows the system (style.css).
 */

{
  const chosen = new URLSearchParams(location.search).get('scheme');
  if (chosen === 'dark' || chosen === 'light') document.documentElement.dataset.scheme = chosen;
}

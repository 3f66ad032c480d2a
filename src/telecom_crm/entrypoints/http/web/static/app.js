// Listeners of the document; what is essential works without them. Before htmx.
(() => {
  const $ = (s, e = document) => e.querySelector(s), $$ = (s, e = document) => [...e.querySelectorAll(s)];
  const on = (name, f) => document.addEventListener(name, f);
  let dirty = false, paged = false, lead = '', at = location.pathname, timer, idle;
  const meta = (n) => $(`meta[name=${n}]`)?.content, version = meta('app-version');
  on('htmx:config:request', (e) => {
    const { request } = e.detail.ctx;
    if (request.method !== 'GET') request.headers['x-csrftoken'] = meta('csrf');
    else if (dirty && e.target.matches('a') && !confirm(meta('unsaved'))) return e.preventDefault();
    if (request.method !== 'GET' || e.target.matches('a')) dirty = false;
    if (e.target.matches('a')) paged = !!e.target.closest('.pager');
  });
  on('htmx:after:request', (e) => {
    const now = e.detail.ctx.response?.headers.get('X-App-Version');
    if (now && version && now !== version && e.target.matches('a')) location.reload();
  });
  // Closed after the swap, a dialog would keep the page behind it inert.
  on('htmx:before:swap', (e) => {
    if (e.detail.ctx?.target === document.body) $$('dialog[open]').forEach((d) => d.close());
  });
  on('htmx:error', () => $('#offline')?.removeAttribute('hidden'));
  on('htmx:after:swap', (e) => {
    $('#offline')?.setAttribute('hidden', '');
    const box = e.detail.ctx?.target;
    if (box?.id !== 'news') settle(box); // it comes by itself
  });
  const settle = (box) => {
    $('#nav:popover-open')?.hidePopover();
    $$('details.menu[open]').forEach((m) => (m.open = false));
    land(box);
    files();
    if (!box || box === document.body) $('#palette form')?.reset();
    recall();
    clearTimeout(idle);
    const left = $('#still')?.dataset.seconds;
    if (left) idle = setTimeout(() => $('#still').showModal(), Math.max(0, left - 60) * 1000);
    $$('.toast:not([data-tone=bad],[data-timed])').forEach((t) => {
      t.dataset.timed = 1;
      setTimeout(() => t.remove(), 8000);
    });
  };
  // The focus goes to what is wrong; on another page, or where it was lost, to what the address or
  // the page names (if loaded, by the browser), else to the heading.
  const land = (box) => {
    const wrong = $('[data-errors]', box), body = document.body, none = document.activeElement === body;
    const anew = box === body && (paged || at !== location.pathname || none);
    const named = document.getElementById(location.hash.slice(1)), first = $('input[autofocus]');
    const goes = anew || (!box && none && !first && document.referrer);
    const to = wrong || (goes && (named || first || $('h1')));
    at = location.pathname;
    if (!to) return;
    if (to.tabIndex < 0) to.tabIndex = -1;
    to.focus({ preventScroll: !wrong && !named }); // where the page stands is htmx's, and of the way back
  };
  // Opened in this tab; gone with who was signed in.
  const recall = () => {
    const list = $('#recent'), head = $('h1:not(.empty *)');
    if (!list) return delete sessionStorage.recent;
    const seen = JSON.parse(sessionStorage.recent || '[]').filter(([path]) => path !== at);
    if (head && /^\/console\/[a-z]+\/[^/]*[\dA-Z][^/]*$/.test(at))
      sessionStorage.recent = JSON.stringify([[at, head.textContent.trim()], ...seen.slice(0, 6)]);
    list.hidden = !seen.length;
    $('div', list).replaceChildren(...seen.map(([path, text]) => {
      const row = $('template', list).content.firstElementChild.cloneNode(true);
      row.href = path;
      $('span', row).textContent = text;
      return row;
    }));
    if (seen.length && !$('#palette input').value) $('#found [data-at]')?.removeAttribute('data-at');
  };
  on('DOMContentLoaded', () => settle());
  setInterval(() => $$('[data-left]').forEach((t) => {
    const left = Math.max(0, Math.round((Date.parse(t.dataset.left) - Date.now()) / 1000));
    t.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
  }), 1000);
  on('input', (e) => { if (e.target.closest('form[data-guard]')) dirty = true; });
  const files = () => $$('.file input').forEach((t) => {
    t.parentNode.toggleAttribute('data-chosen', t.files.length);
    $('.file-some', t.parentNode).textContent = [...t.files].map((f) => f.name).join(', ');
  });
  on('change', files);
  on('submit', () => (dirty = false));
  on('focusin', (e) => $$('details.menu[open]').forEach((m) => m.contains(e.target) || (m.open = false)));
  addEventListener('beforeunload', (e) => dirty && e.preventDefault());
  on('click', (e) => {
    const t = e.target.closest('[data-open],[data-close],[data-copy],[data-print]');
    $$('details.menu[open]').forEach((m) => m.contains(e.target) || (m.open = false));
    if (!t) return e.target.matches('dialog') && e.target.close();
    const { open, close, copy } = t.dataset;
    if (open) { e.preventDefault(); $(open).showModal(); }
    else if (close != null) t.closest('dialog,.toast')[t.closest('dialog') ? 'close' : 'remove']();
    else if (copy != null) navigator.clipboard.writeText(copy || location.href).then(() => (t.dataset.done = ''));
    else print();
  });
  const rows = (box) => $$('[data-row],.chart:focus .hit', box).filter((r) => r.offsetParent !== null);
  on('focusin', ({ target: t }) => t.matches('.chart') && move(t, 0));
  const move = (box, by) => {
    const all = rows(box), at = all.findIndex((r) => 'at' in r.dataset);
    all[at]?.removeAttribute('data-at');
    const next = all[Math.max(0, Math.min(all.length - 1, at + by))];
    if (!next) return;
    next.dataset.at = '';
    next.scrollIntoView({ block: 'nearest' });
    if (box === document) link(next)?.focus(); // the palette's field keeps it
  };
  const link = (row) => (row.matches('a') ? row : $('a', row));
  on('keydown', (e) => {
    const key = e.code.replace('Key', ''), box = $('dialog[open]'), mod = e.ctrlKey || e.metaKey;
    if (mod && key === 'K') { e.preventDefault(); return $('#palette')?.showModal(); }
    if (key === 'Enter' && (mod || e.target.type === 'radio')) {
      e.preventDefault();
      return (e.target.form || (mod ? $('form[data-guard]', box || document) : null))?.requestSubmit();
    }
    if (box && key === 'Escape') { e.preventDefault(); return box.close(); } // a search field eats it
    if (box?.id === 'palette' && /Arrow(Up|Down)|^Enter/.test(key)) {
      e.preventDefault();
      if (key !== 'Enter') return move(box, key === 'ArrowDown' ? 1 : -1);
      const form = $('form', box), all = rows(box);
      if (form.q.value.trim() !== $('#found').dataset.q) return form.submit();
      return (all.find((r) => 'at' in r.dataset) || all[0])?.click();
    }
    const menu = $('details.menu[open]');
    if (menu && key === 'Escape') { menu.open = false; return $('summary', menu).focus(); }
    if (e.target.matches('.chart') && /Arrow[LR]/.test(key)) return move(e.target, key === 'ArrowLeft' ? -1 : 1);
    if (box || mod || e.altKey || document.body.dataset.keys === 'off') return;
    if (key === 'Escape' && e.target.matches('[data-search]')) return e.target.blur();
    if (key === 'Escape') $('[data-cancel]', e.target.closest('form') || document)?.click();
    if (e.target.matches('input,textarea,select,[contenteditable]')) return;
    const go = (s) => { const t = $(s); if (t) { e.preventDefault(); t.matches('input') ? t.focus() : t.click(); } };
    clearTimeout(timer);
    if (lead) { go(`[data-key="${lead}${key}"]`); lead = ''; return; }
    if (key === 'G' || key === 'N') { lead = key; timer = setTimeout(() => (lead = ''), 1200); }
    else if (e.key === '?') $('#keys')?.showModal();
    else if (key === 'Slash') go('[data-search]');
    else if (key === 'J' || key === 'K') move(document, key === 'J' ? 1 : -1);
    else if (key === 'E') go('[data-edit]');
    else if (/Bracket/.test(key)) go(key === 'BracketLeft' ? '[rel=prev]' : '[rel=next]');
  });
})();

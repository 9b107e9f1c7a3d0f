/** The addresses of the page, and how it goes from one to another without a reload. */

/** Where the page is. */
export type Route =
  | { readonly name: 'lobby' }
  | { readonly name: 'match'; readonly id: string }
  | { readonly name: 'challenge'; readonly id: string }
  | { readonly name: 'player'; readonly id: string }
  | { readonly name: 'games'; readonly id: string }
  | { readonly name: 'tv' }
  | { readonly name: 'transfer' }
  | { readonly name: 'account' }
  | { readonly name: 'about' }
  | { readonly name: 'not_found' };

/** Match and challenge ids: 12 characters, base62. */
const MATCH_ID = /^[0-9A-Za-z]{12}$/;
/** Player ids, also those of outside issuers. */
const PLAYER_ID = /^[0-9A-Za-z_.:@|-]{1,64}$/;

/** The route of a path. */
export function routeOf(path: string): Route {
  const parts = path.split('/').filter((part) => part !== '');
  const [first = '', second] = parts;
  if (parts.length > 2) {
    return { name: 'not_found' };
  }
  if (second === undefined) {
    switch (first) {
      case '':
        return { name: 'lobby' };
      case 'tv':
      case 'transfer':
      case 'account':
      case 'about':
        return { name: first };
      default:
        return { name: 'not_found' };
    }
  }
  let id: string;
  try {
    id = decodeURIComponent(second);
  } catch {
    return { name: 'not_found' };
  }
  switch (first) {
    case 'match':
    case 'challenge':
    case 'games':
      return MATCH_ID.test(id) ? { name: first, id } : { name: 'not_found' };
    case 'player':
      return PLAYER_ID.test(id) ? { name: 'player', id } : { name: 'not_found' };
    default:
      return { name: 'not_found' };
  }
}

/** The path of a route. */
export function pathOf(route: Route): string {
  switch (route.name) {
    case 'lobby':
      return '/';
    case 'not_found':
      return '/not-found';
    case 'match':
    case 'challenge':
    case 'games':
    case 'player':
      return `/${route.name}/${encodeURIComponent(route.id)}`;
    default:
      return `/${route.name}`;
  }
}

/** Goes to another address of the page. */
export type Navigate = (path: string, options?: { readonly replace?: boolean }) => void;

/** Follows the address bar, and links within the page. */
export interface Router {
  readonly navigate: Navigate;
  /** Shows the present address, and from now on each one that follows. */
  start(): void;
}

/** A router that calls `show` with each route that the visitor comes to. */
export function openRouter(show: (route: Route) => void): Router {
  let shown = '';
  const address = (): string => location.pathname + location.search;
  const here = (): void => {
    shown = address();
    show(routeOf(location.pathname));
  };
  const navigate: Navigate = (path, { replace = false } = {}) => {
    const url = new URL(path, location.href);
    const stays = url.pathname === location.pathname && url.search === location.search;
    history[replace || stays ? 'replaceState' : 'pushState'](null, '', url);
    if (!stays || replace) {
      scrollTo(0, 0);
    }
    here();
  };
  return {
    navigate,
    start() {
      addEventListener('popstate', () => {
        // A fragment is a place within a view, except where it holds the code of a transfer.
        if (address() !== shown || location.pathname === '/transfer') {
          here();
        }
      });
      document.addEventListener('click', (event) => {
        const path = pathOfClick(event);
        if (path !== null) {
          event.preventDefault();
          navigate(path);
        }
      });
      here();
    },
  };
}

/** The path that a click leads to, if it is on a link within the page that opens in this tab. */
function pathOfClick(event: MouseEvent): string | null {
  const isPlain =
    event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const target = event.target;
  if (!isPlain || event.defaultPrevented || !(target instanceof Element)) {
    return null;
  }
  const link = target.closest('a[href]');
  if (
    !(link instanceof HTMLAnchorElement) ||
    link.origin !== location.origin ||
    (link.target !== '' && link.target !== '_self') ||
    link.hasAttribute('download') ||
    routeOf(link.pathname).name === 'not_found'
  ) {
    return null;
  }
  // A place within the view, such as the skip link's.
  if (link.hash !== '' && link.pathname === location.pathname && link.search === location.search) {
    return null;
  }
  return link.pathname + link.search + link.hash;
}

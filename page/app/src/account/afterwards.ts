/** Where a sign-in leads back to. */
import { routeOf } from '../router.ts';

/** Where to go after signing in: a path of this page, if the address names one. */
export function afterwards(search: string): string | null {
  const path = new URLSearchParams(search).get('then');
  if (path === null || !path.startsWith('/') || path.startsWith('//')) {
    return null;
  }
  return routeOf(path.split(/[?#]/)[0] ?? '').name === 'not_found' ? null : path;
}

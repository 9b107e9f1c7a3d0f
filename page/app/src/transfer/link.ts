/** The link to another device. Code and match stand in the fragment, which is never sent to a server and never logged. */

/** What a link holds. */
export interface TransferLink {
  readonly code: string;
  readonly matchId: string | null;
}

/** The path of the link. */
export function transferLink(code: string, matchId?: string): string {
  return `/transfer#${code}${matchId === undefined ? '' : `&match=${matchId}`}`;
}

/** What a fragment holds, with or without its `#`; `null` without a code. */
export function parseTransfer(fragment: string): TransferLink | null {
  const [code = '', ...rest] = fragment.replace(/^#/, '').split('&');
  if (!/^[0-9A-Za-z]{16,64}$/.test(code)) {
    return null;
  }
  const named = rest.find((part) => part.startsWith('match='))?.slice('match='.length) ?? '';
  return { code, matchId: /^[0-9A-Za-z]{12}$/.test(named) ? named : null };
}

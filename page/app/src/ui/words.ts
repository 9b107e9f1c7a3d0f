/** Problems in words. */
import { Problem } from 'rookery-session';
import { problems } from '../strings.ts';

/** What went wrong and what to do, for a visitor. Bugs are thrown on. */
export function problemWords(problem: unknown): string {
  if (!(problem instanceof Problem)) {
    throw problem;
  }
  if (problem.status === 0) {
    return problems['network'] ?? problem.detail;
  }
  return problems[problem.code] ?? problem.detail;
}

/** Whether something that was thrown is the caller's own giving up. */
export function isAborted(problem: unknown): boolean {
  return problem instanceof Problem && problem.code === 'aborted';
}

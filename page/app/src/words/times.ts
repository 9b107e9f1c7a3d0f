/** Times in words, and the pace of a match. */
import type { Control, ControlStage, Speed } from 'rookery-session';
import { terms as termWords, times } from '../strings.ts';

/** Milliseconds of a second, a minute, an hour and a day. */
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A stretch of time in its largest fitting unit: `4 seconds`, `12 minutes`, `3 hours`. */
export function stretch(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / SECOND));
  if (seconds < 60) {
    return times.seconds(seconds);
  }
  const minutes = Math.round(ms / MINUTE);
  if (minutes < 60) {
    return times.minutes(minutes);
  }
  const hours = Math.round(ms / HOUR);
  return hours < 24 ? times.hours(hours) : times.days(Math.round(ms / DAY));
}

/** The same, short: `4 s`, `12 min`, `3 h`. */
export function stretchShort(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / SECOND));
  if (seconds < 60) {
    return times.secondsShort(seconds);
  }
  const minutes = Math.round(ms / MINUTE);
  return minutes < 60 ? times.minutesShort(minutes) : times.hoursShort(Math.round(ms / HOUR));
}

/** How long ago a time is. */
export function ago(at: number, now: number): string {
  const ms = now - at;
  return ms < 10 * SECOND ? times.justNow : times.ago(stretch(ms));
}

/** A running time as a clock shows it: `0:07`, `12:30`, `1:02:03`. Parts of a second do not count. */
export function clockTime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND));
  const two = (number: number): string => String(number).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A number without needless digits: `0.5`, `3`. */
export function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** The stages of a control: at least one. */
export function stagesOf(control: Control): readonly ControlStage[] {
  if (control.stages && control.stages.length > 0) {
    return control.stages;
  }
  const { initial_ms = 0, increment_ms = 0, delay, delay_ms } = control;
  return [{ time_ms: initial_ms, increment_ms, ...(delay && delay_ms ? { delay, delay_ms } : {}) }];
}

function pace(stage: ControlStage): string {
  const minutes = number(stage.time_ms / MINUTE);
  const written = `${minutes}+${number((stage.increment_ms ?? 0) / SECOND)}`;
  const seconds = number((stage.delay_ms ?? 0) / SECOND);
  switch (stage.delay) {
    case 'simple':
      return `${written} (${termWords.delaySimple(seconds)})`;
    case 'bronstein':
      return `${written} (${termWords.delayBronstein(seconds)})`;
    default:
      return written;
  }
}

/** A time control as players say it: `3+2`, or stage by stage. */
export function controlWords(control: Control): string {
  const words = stagesOf(control).map((stage) =>
    stage.moves ? termWords.stageMoves(stage.moves, pace(stage)) : pace(stage),
  );
  return words.join(termWords.stageThen);
}

/** The speed of a control: by the time of a game of 40 moves, as the server reckons. */
export function speedOf(control: Control): Speed {
  const stages = stagesOf(control);
  let moves = 40;
  let estimate = 0;
  for (const stage of stages) {
    if (moves <= 0) {
      break;
    }
    const ofStage = Math.min(moves, stage.moves ?? moves);
    estimate += stage.time_ms + ofStage * ((stage.increment_ms ?? 0) + (stage.delay_ms ?? 0));
    moves -= ofStage;
  }
  if (estimate < 30 * SECOND) {
    return 'ultrabullet';
  }
  if (estimate < 180 * SECOND) {
    return 'bullet';
  }
  if (estimate < 480 * SECOND) {
    return 'blitz';
  }
  return estimate < 1500 * SECOND ? 'rapid' : 'classical';
}

/** A stage as lists of matches write it: `40/5400+30`, seconds, with a delay as `+2d` or `+0+2b`. */
const WRITTEN_STAGE = /^(?:(\d+)\/)?([\d.]+)(?:\+([\d.]+))?(?:\+([\d.]+)([db]))?$/;

/** A control in PGN's seconds (`180+2`), as players say it; White's and Black's with ` / ` between. Others stay as they are. */
export function writtenControlWords(written: string): string {
  const controls = written.split(' / ').map((control) => {
    const stages = control.split(':').map((stage): ControlStage | null => {
      // A simple delay may stand where the increment would.
      const found = WRITTEN_STAGE.exec(/^(\d+\/)?[\d.]+\+[\d.]+d$/.test(stage) ? stage.replace('+', '+0+') : stage);
      if (found === null) {
        return null;
      }
      const [, moves, time = '0', increment = '0', delay, kind] = found;
      return {
        ...(moves === undefined ? {} : { moves: Number(moves) }),
        time_ms: Number(time) * SECOND,
        increment_ms: Number(increment) * SECOND,
        ...(delay === undefined ? {} : { delay: kind === 'd' ? ('simple' as const) : ('bronstein' as const), delay_ms: Number(delay) * SECOND }),
      };
    });
    const known = stages.filter((stage) => stage !== null);
    return known.length === stages.length ? controlWords({ stages: known }) : control;
  });
  return controls.join(' / ');
}

//! Calendar dates for records.

use crate::UnixMillis;

/// A date and time of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UtcDate {
    pub(crate) year: u64,
    /// 1 to 12.
    pub(crate) month: u64,
    /// 1 to 31.
    pub(crate) day: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
}

impl UnixMillis {
    /// The time as RFC 3339 writes it, in UTC and whole seconds: `2026-11-27T03:12:39Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let UtcDate {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self.into();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl From<UnixMillis> for UtcDate {
    /// Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is the last of a
    /// year, in the proleptic Gregorian calendar with its cycle of 400 years.
    fn from(UnixMillis(millis): UnixMillis) -> Self {
        const DAYS_PER_ERA: u64 = 146_097;
        // From 0000-03-01 to 1970-01-01.
        const EPOCH_DAYS: u64 = 719_468;

        let seconds = millis / 1000;
        let days = seconds / 86_400 + EPOCH_DAYS;
        let era = days / DAYS_PER_ERA;
        let day_of_era = days % DAYS_PER_ERA;
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // 0 is March.
        let month = (5 * day_of_year + 2) / 153;
        let in_next_year = u64::from(month >= 10);
        Self {
            year: 400 * era + year_of_era + in_next_year,
            month: if month < 10 { month + 3 } else { month - 9 },
            day: day_of_year - (153 * month + 2) / 5 + 1,
            hour: seconds / 3600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        // From `date -u -d @N`.
        let cases = [
            (0, (1970, 1, 1, 0, 0, 0)),
            (951_782_399, (2000, 2, 28, 23, 59, 59)),
            (951_782_400, (2000, 2, 29, 0, 0, 0)),
            (951_868_800, (2000, 3, 1, 0, 0, 0)),
            (1_746_057_606, (2025, 5, 1, 0, 0, 6)),
            (1_767_225_599, (2025, 12, 31, 23, 59, 59)),
            (4_107_542_400, (2100, 3, 1, 0, 0, 0)),
            (253_402_300_799, (9999, 12, 31, 23, 59, 59)),
        ];
        for (seconds, (year, month, day, hour, minute, second)) in cases {
            let expected = UtcDate {
                year,
                month,
                day,
                hour,
                minute,
                second,
            };
            let at = UnixMillis(seconds * 1000 + 999);
            assert_eq!(UtcDate::from(at), expected);
            let written =
                format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
            assert_eq!(at.rfc3339(), written);
        }
    }

    #[test]
    fn days_follow_each_other() {
        let mut before = UtcDate::from(UnixMillis(0));
        for day in 1..200_000 {
            let date = UtcDate::from(UnixMillis(day * 86_400_000));
            let next_day = (date.month, date.year) == (before.month, before.year)
                && date.day == before.day + 1;
            let next_month = date.day == 1
                && before.day >= 28
                && date.month == before.month % 12 + 1
                && date.year == before.year + u64::from(before.month == 12);
            assert!(next_day || next_month, "{before:?} then {date:?}");
            before = date;
        }
    }

    #[test]
    fn no_time_is_out_of_range() {
        assert_eq!(UtcDate::from(UnixMillis(u64::MAX)).year, 584_556_019);
    }
}

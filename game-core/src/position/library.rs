//! The types of this crate as the rules library's, and back.

use shakmaty::{CastlingMode, Color};

use crate::{CastlingSide, Role, Seat, Square, Variant};

pub(super) const fn seat(color: Color) -> Seat {
    match color {
        Color::White => Seat::White,
        Color::Black => Seat::Black,
    }
}

pub(super) const fn color(seat: Seat) -> Color {
    match seat {
        Seat::White => Color::White,
        Seat::Black => Color::Black,
    }
}

pub(super) const fn role(role: shakmaty::Role) -> Role {
    match role {
        shakmaty::Role::Pawn => Role::Pawn,
        shakmaty::Role::Knight => Role::Knight,
        shakmaty::Role::Bishop => Role::Bishop,
        shakmaty::Role::Rook => Role::Rook,
        shakmaty::Role::Queen => Role::Queen,
        shakmaty::Role::King => Role::King,
    }
}

pub(super) const fn library_role(role: Role) -> shakmaty::Role {
    match role {
        Role::Pawn => shakmaty::Role::Pawn,
        Role::Knight => shakmaty::Role::Knight,
        Role::Bishop => shakmaty::Role::Bishop,
        Role::Rook => shakmaty::Role::Rook,
        Role::Queen => shakmaty::Role::Queen,
        Role::King => shakmaty::Role::King,
    }
}

pub(super) const fn square(square: shakmaty::Square) -> Square {
    Square::from_index(square as u16)
}

pub(super) fn to_library(square: Square) -> shakmaty::Square {
    shakmaty::Square::new(u32::from(square.index()))
}

pub(super) const fn castling_side(side: shakmaty::CastlingSide) -> CastlingSide {
    match side {
        shakmaty::CastlingSide::KingSide => CastlingSide::KingSide,
        shakmaty::CastlingSide::QueenSide => CastlingSide::QueenSide,
    }
}

/// The library's rules for a variant. Chess960 is not one there, but a castling mode.
pub(super) const fn rules(variant: Variant) -> shakmaty::variant::Variant {
    use shakmaty::variant::Variant as Rules;
    match variant {
        Variant::Standard | Variant::Chess960 => Rules::Chess,
        Variant::Crazyhouse => Rules::Crazyhouse,
        Variant::Antichess => Rules::Antichess,
        Variant::Atomic => Rules::Atomic,
        Variant::KingOfTheHill => Rules::KingOfTheHill,
        Variant::RacingKings => Rules::RacingKings,
        Variant::ThreeCheck => Rules::ThreeCheck,
        Variant::Horde => Rules::Horde,
    }
}

/// The variant of the library's rules with a castling mode.
pub(super) const fn variant(rules: shakmaty::variant::Variant, castles: CastlingMode) -> Variant {
    use shakmaty::variant::Variant as Rules;
    match rules {
        Rules::Chess if castles.is_chess960() => Variant::Chess960,
        Rules::Chess => Variant::Standard,
        Rules::Crazyhouse => Variant::Crazyhouse,
        Rules::Antichess => Variant::Antichess,
        Rules::Atomic => Variant::Atomic,
        Rules::KingOfTheHill => Variant::KingOfTheHill,
        Rules::RacingKings => Variant::RacingKings,
        Rules::ThreeCheck => Variant::ThreeCheck,
        Rules::Horde => Variant::Horde,
    }
}

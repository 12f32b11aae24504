"""The days that have a name of their own, folded."""

from __future__ import annotations

#: Names of days by month and day, or by distance to Easter Sunday.
FIXED_FEASTS: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "heiligabend": ((12, 24), (12, 24)),
    "heiliger abend": ((12, 24), (12, 24)),
    "heiligen abend": ((12, 24), (12, 24)),
    "erster weihnachtsfeiertag": ((12, 25), (12, 25)),
    "ersten weihnachtsfeiertag": ((12, 25), (12, 25)),
    "erster weihnachtstag": ((12, 25), (12, 25)),
    "ersten weihnachtstag": ((12, 25), (12, 25)),
    "zweiter weihnachtsfeiertag": ((12, 26), (12, 26)),
    "zweiten weihnachtsfeiertag": ((12, 26), (12, 26)),
    "zweiter weihnachtstag": ((12, 26), (12, 26)),
    "zweiten weihnachtstag": ((12, 26), (12, 26)),
    "weihnachten": ((12, 25), (12, 26)),
    "zwischen weihnachten und neujahr": ((12, 27), (12, 31)),
    "zwischen weihnachten und silvester": ((12, 27), (12, 31)),
    "zwischen den jahren": ((12, 27), (12, 31)),
    "zwischen den feiertagen": ((12, 27), (12, 31)),
    "silvester": ((12, 31), (12, 31)),
    "sylvester": ((12, 31), (12, 31)),
    "neujahr": ((1, 1), (1, 1)),
    "neujahrstag": ((1, 1), (1, 1)),
    "heilige drei koenige": ((1, 6), (1, 6)),
    "heiligen drei koenige": ((1, 6), (1, 6)),
    "valentinstag": ((2, 14), (2, 14)),
    "frauentag": ((3, 8), (3, 8)),
    "tag der arbeit": ((5, 1), (5, 1)),
    "maifeiertag": ((5, 1), (5, 1)),
    "mariae himmelfahrt": ((8, 15), (8, 15)),
    "tag der deutschen einheit": ((10, 3), (10, 3)),
    "reformationstag": ((10, 31), (10, 31)),
    "halloween": ((10, 31), (10, 31)),
    "allerheiligen": ((11, 1), (11, 1)),
    "nikolaus": ((12, 6), (12, 6)),
    "nikolaustag": ((12, 6), (12, 6)),
}
EASTER_FEASTS: dict[str, tuple[int, int]] = {
    "rosenmontag": (-48, -48),
    "faschingsdienstag": (-47, -47),
    "aschermittwoch": (-46, -46),
    "palmsonntag": (-7, -7),
    "gruendonnerstag": (-3, -3),
    "karfreitag": (-2, -2),
    "karsamstag": (-1, -1),
    "ostersamstag": (-1, -1),
    "ostersonntag": (0, 0),
    "ostermontag": (1, 1),
    "ostern": (0, 1),
    "christi himmelfahrt": (39, 39),
    "himmelfahrt": (39, 39),
    "vatertag": (39, 39),
    "pfingstsonntag": (49, 49),
    "pfingstmontag": (50, 50),
    "pfingsten": (49, 50),
    "fronleichnam": (60, 60),
}
FEAST_NAMES: tuple[tuple[str, ...], ...] = tuple(
    sorted(
        (tuple(name.split()) for name in [*FIXED_FEASTS, *EASTER_FEASTS]),
        key=len,
        reverse=True,
    )
)

"""Tables of a made-up ward."""

COLUMNS = "bed ICULOS Age Gender HR Resp O2Sat SBP MAP DBP Temp WBC Creatinine Lactate Platelets"
HOURS = 12


def line(bed: str, hour: int, sickness: float, age: int = 64) -> str:
    """One hour of a patient: the signs of a well one at sickness 0, of a septic one at 1."""
    systolic, diastolic = 124 - 38 * sickness, 66 - 21 * sickness
    signs = [
        84 + 42 * sickness,
        16 + 14 * sickness,
        97 - 6 * sickness,
        systolic,
        diastolic + (systolic - diastolic) / 3,
        diastolic,
    ]
    laboratory = [37 + 2.1 * sickness, 9 + 10 * sickness, 1 + sickness, 1.2 + 3 * sickness]
    values = [f"{round(sign)}" for sign in signs] + [f"{value:.1f}" for value in laboratory]
    return ",".join([bed, str(hour), str(age), "1", *values, f"{round(210 - 80 * sickness)}"])


def stay(bed: str, *, worst: float, hours: int = HOURS, first: int = 1) -> list[str]:
    """The hours of a patient who becomes as sick as `worst`."""
    return [line(bed, first + at, worst * at / (hours - 1)) for at in range(hours)]


def table(*stays: list[str]) -> str:
    """A table of several patients."""
    header = COLUMNS.replace(" ", ",")
    return "\n".join([header, *(row for rows in stays for row in rows)])


def heart_rate_only(bed: str) -> list[str]:
    """Hours with a heart rate alone."""
    return [f"{bed},{hour},64,1,80" + "," * 10 for hour in range(1, HOURS + 1)]


def incoherent(bed: str) -> list[str]:
    """Hours of which the last has its pressures exchanged."""
    *rows, last = stay(bed, worst=0)
    cells = last.split(",")
    cells[7], cells[9] = cells[9], cells[7]
    return [*rows, ",".join(cells)]


WARD = table(
    stay("7-well", worst=0),
    stay("8-septic", worst=1),
    heart_rate_only("9-little"),
    incoherent("10-wrong"),
    stay("11-worse", worst=0.8),
)
LARGE = table(*(stay(f"{bed}", worst=0.9 if bed % 5 == 0 else 0, hours=72) for bed in range(1, 31)))

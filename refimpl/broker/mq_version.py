"""Names of versions, from the number that a header carries. Java: common/MQVersion.

The enum of Java is a list by rule with an irregular beginning, so it is made by rule here.
"""

from refimpl.broker.processor_threw import ProcessorThrew

V3_0_7_SNAPSHOT = 28
V3_1_8_SNAPSHOT = 62


def _names() -> tuple[str, ...]:
    names = ["V3_0_0_SNAPSHOT", "V3_0_0_ALPHA1"]
    names += [f"V3_0_0_BETA{n}" for n in range(1, 6)]
    for n in range(6, 10):
        names += [f"V3_0_0_BETA{n}_SNAPSHOT", f"V3_0_0_BETA{n}"]
    names.append("V3_0_0_FINAL")
    steps = [(3, 0, range(1, 16)), (3, 1, range(10)), (3, 2, range(10))]
    steps += [(3, minor, range(1, 10)) for minor in range(3, 10)]
    steps += [(major, minor, range(10)) for major in (4, 5) for minor in range(10)]
    for major, minor, patches in steps:
        for patch in patches:
            name = f"V{major}_{minor}_{patch}"
            names += [name + "_SNAPSHOT", name]
    names.append("HIGHER_VERSION")
    return tuple(names)


_NAMES: list[tuple[str, ...]] = []


def version_desc(value: int) -> str:
    """The name of a version; beyond the last one HIGHER_VERSION. MQVersion#getVersionDesc.

    Raises `ProcessorThrew` for a negative number, as Java's array access does.
    """
    if not _NAMES:
        _NAMES.append(_names())
    names = _NAMES[0]
    if value < 0:
        raise ProcessorThrew(
            "java.lang.ArrayIndexOutOfBoundsException",
            f"Index {value} out of bounds for length {len(names)}",
        )
    return names[min(value, len(names) - 1)]

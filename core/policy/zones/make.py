#!/usr/bin/env python3
"""Makes phone.txt and countries.txt anew:

    pip download --no-deps phonenumbers tzdata && ./make.py phonenumbers-*.whl tzdata-*.whl

phone.txt: the time zones in which a telephone number may be, by its first digits. From libphonenumber
(https://github.com/google/libphonenumber, Apache-2.0), as the Python package `phonenumbers` carries it.
countries.txt: the time zones of a country, from tzdb's zone.tab, which is in the public domain.
"""
import ast, collections, pathlib, sys, zipfile

here = pathlib.Path(__file__).parent
phone, tzdata = (zipfile.ZipFile(name) for name in sys.argv[1:3])


def version(archive):
    return "-".join(pathlib.Path(archive.filename).name.split("-")[:2])


def write(name, head, lines):
    (here / name).write_text("".join(f"# {line}\n" for line in head) + "".join(f"{line}\n" for line in sorted(lines)))


source = phone.read("phonenumbers/tzdata/data0.py").decode()
table = ast.literal_eval(source[source.index("\ndata = ") + len("\ndata = ") :])

# Mobile numbers that libphonenumber puts into one zone of a country that has several: their owners may live in any.
# Australia, Indonesia, New Zealand, Russia, Spain, Ecuador.
for anywhere in ("614", "628", "642", "79", "346", "347", "5939"):
    for prefix in [prefix for prefix in table if prefix.startswith(anywhere)]:
        del table[prefix]


def inherited(prefix):
    return next((tuple(table[prefix[:end]]) for end in range(len(prefix) - 1, 0, -1) if prefix[:end] in table), None)


by_zones = collections.defaultdict(list)
for prefix, zones in table.items():
    if tuple(zones) != inherited(prefix):
        by_zones[tuple(zones)].append(prefix)
write(
    "phone.txt",
    [
        f"Time zones by the first digits of a telephone number; the longest that fit count. From {version(phone)}.",
        "Copyright (C) 2011-2026 The Libphonenumber Authors. Licensed under the Apache License, Version 2.0.",
        "Changed: mobile prefixes that hold for a whole country are left out, so are prefixes that say the same as a",
        "shorter one, and the rest is grouped. Made by make.py.",
    ],
    [f"{' '.join(zones)}: {' '.join(sorted(prefixes))}" for zones, prefixes in by_zones.items()],
)

countries = collections.defaultdict(list)
for line in tzdata.read("tzdata/zoneinfo/zone.tab").decode().splitlines():
    if line and not line.startswith("#"):
        country, _, zone = line.split("\t")[:3]
        countries[country].append(zone)
write(
    "countries.txt",
    [f"Time zones by country, from tzdb's zone.tab (public domain), {version(tzdata)}. Made by make.py."],
    [f"{country}: {' '.join(zones)}" for country, zones in countries.items()],
)

"""Says what `pip-audit --format json` prints; exits 1 for a known vulnerability, 3 where there is no data."""

import json
import sys


def main(text: str) -> int:
    try:
        found = json.loads(text)["dependencies"]
    except ValueError:
        print("NOT AUDITED: pip-audit cannot reach its data", file=sys.stderr)
        return 3
    known = [each for each in found if "vulns" in each]
    for each in known:
        for vulnerability in each["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version"
            print(f"{each['name']} {each['version']}: {vulnerability['id']}, fixed in {fixed}")
    print(f"audited: {len(known)} of {len(found)}")
    if len(known) < len(found):
        unknown = ", ".join(each["name"] for each in found if "vulns" not in each)
        print(f"NOT AUDITED, as pip-audit finds no data about them: {unknown}", file=sys.stderr)
    return 1 if any(each["vulns"] for each in known) else 0 if known else 3


if __name__ == "__main__":
    sys.exit(main(sys.stdin.read()))

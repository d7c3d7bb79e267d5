"""Made-up reports of vulnerable packages, as three programs write them."""

import json
from typing import Any

PIP_AUDIT: dict[str, Any] = {
    "dependencies": [
        {
            "name": "Flask",
            "version": "0.5",
            "vulns": [
                {
                    "id": "PYSEC-2019-179",
                    "fix_versions": ["1.0"],
                    "aliases": ["CVE-2019-1010083", "GHSA-5wv5-4vpf-pj6m"],
                    "description": "canary text",
                }
            ],
        },
        {"name": "good_one", "version": "2.0", "vulns": []},
        {"name": "ours", "skip_reason": "canary: not found on any index"},
    ],
    "fixes": [],
}

GRYPE: dict[str, Any] = {
    "$schema": "https://canary.example/sarif-schema-2.1.0.json",
    "version": "2.1.0",
    "runs": [
        {
            "tool": {
                "driver": {
                    "name": "grype",
                    "version": "0.90.0-dev",
                    "rules": [
                        {
                            "id": "GHSA-5wv5-4vpf-pj6m-flask",
                            "properties": {
                                "purls": ["pkg:pypi/Flask@0.5?canary=1"],
                                "security-severity": "7.5",
                            },
                        },
                        {
                            "id": "CVE-2022-0001-libc6",
                            "properties": {
                                "purls": ["pkg:deb/debian/libc6@2.36-9%2Bdeb12u3?arch=amd64"],
                                "security-severity": "9.8",
                            },
                        },
                    ],
                }
            },
            "invocations": [{"executionSuccessful": True, "endTimeUtc": "2026-11-18T08:00:00Z"}],
            "results": [
                {
                    "ruleId": "GHSA-5wv5-4vpf-pj6m-flask",
                    "message": {"text": "canary"},
                    "locations": [{"uri": "/home/canary/site-packages"}],
                },
                {"ruleId": "CVE-2022-0001-libc6", "ruleIndex": 1, "message": {"text": "canary"}},
                {"ruleId": "whatever", "kind": "pass", "message": {"text": ""}},
            ],
        }
    ],
}

TRIVY: dict[str, Any] = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "Trivy", "version": "0.58.1", "rules": []}},
            "results": [
                {
                    "ruleId": "CVE-2019-1010083",
                    "ruleIndex": 0,
                    "level": "error",
                    "message": {
                        "text": "Package: flask\nInstalled Version: 0.5\n"
                        "Vulnerability CVE-2019-1010083\nSeverity: HIGH\n"
                        "Fixed Version: 0.12.3, 1.0\nLink: [canary](https://canary.example)"
                    },
                }
            ],
        }
    ],
}


def encoded(value: Any) -> bytes:
    """As a program writes it."""
    return json.dumps(value).encode()

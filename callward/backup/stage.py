"""The drill as something that is run: counts, and a failure if it did not pass."""

from typing import Final

from callward.backup.drill import drill
from callward.instance import Instance
from callward.run import EVERYBODY, StageReport

STAGE: Final = "restore-drill"


def run_drill(instance: Instance) -> StageReport:
    """Try the backups in the folder of the settings; errors as ``drill``."""
    found = drill(instance, instance.settings.backups)
    report = StageReport(STAGE)
    report.add(EVERYBODY, found.counts())
    for one in found.trials:
        if not one.passed:
            why = f" [{one.error}]" if one.error else ""
            report.failures.append(f"[drill-failed] drill {found.id}, backup {one.backup}{why}")
    return report

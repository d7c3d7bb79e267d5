"""Gates whose results are kept: catalogue and ledger learn of every verdict."""

from dataclasses import dataclass

import pandas as pd

from callward.catalogue import tables as t
from callward.gates import GateResult, Gates
from callward.instance import Instance
from callward.ledger import log
from callward.run import Run


@dataclass(frozen=True, slots=True)
class KeptGates:
    """Passes every check on to ``gates`` and records the outcome, counts only."""

    gates: Gates
    instance: Instance
    run: Run

    def check(self, suite: str, frame: pd.DataFrame) -> GateResult:
        """Check, record, and return the result as it is."""
        result = self.gates.check(suite, frame)
        now, failed = self.instance.clock.now(), len(result.failed_ids)
        with self.instance.unit() as connection:
            connection.execute(
                t.gate_results.insert().values(
                    night=self.run.night,
                    suite=suite,
                    outcome=str(result.outcome),
                    rows=result.rows,
                    failed_rows=failed,
                    body=result.to_json_dict(),
                    at=now,
                )
            )
            log.append(
                connection,
                "gate",
                [],
                at=now,
                counts={"rows": result.rows, "failed_rows": failed},
                ids={"suite": suite, "outcome": str(result.outcome), "night": self.run.night},
            )
        return result

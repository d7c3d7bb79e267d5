"""Following up a review's actions in a task run, and showing what is open."""

from callward.review.following import STAGE, Followed, as_markdown, as_rows, follow_up, report_of
from callward.run import StageReport
from tasks.room import Room
from tasks.showing import show_findings
from tasks.steps import as_task


def follow_actions(room: Room) -> StageReport:
    """Look at every open action; fails if one is overdue."""
    found: list[Followed] = []

    def look() -> StageReport:
        found.append(follow_up(room.instance))
        return report_of(found[0])

    report = as_task("actions", look)
    show_findings(
        STAGE,
        as_rows(found[0]),
        {"action": "-", "what": "nothing is open"},
        title="what reviews have decided and nobody has closed",
        text=as_markdown(found[0]),
    )
    return report

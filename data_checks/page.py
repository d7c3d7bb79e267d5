"""The page behind ``docs.write_docs``; self-contained, so that it can be mailed or printed."""

from typing import Final

TEMPLATE: Final = """\
<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Callward: gates</title>
<style>
:root { color-scheme: light; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1b1b1b; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.passed { color: #14632b; } .failed, .not { color: #a31515; font-weight: 600; }
.rows-failed, .warned { color: #8a5a00; } .empty, .quiet { color: #666; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; }
  tr { break-inside: avoid; } }
</style>
</head>
<body>
<h1>Gates</h1>
<p>Every batch is judged before and after each stage. A failed row is quarantined; a failed
critical check stops the stage; a warning stops nothing. This page holds counts and the names
of checks, no values. Promises are those of the privacy notice (N) and of the design (R).</p>
{% if not gates %}
<p class="empty">No gate has judged anything yet.</p>
{% else %}
<table>
<thead><tr><th>Night</th><th>When</th><th>Gate</th><th>Verdict</th>
<th class="n">Rows</th><th class="n">Failed rows</th></tr></thead>
<tbody>
{% for gate in gates %}
<tr><td>{{ gate.night }}</td><td>{{ gate.at }}</td>
<td><a href="#g{{ loop.index }}">{{ gate.suite }}</a></td>
<td class="{{ gate.outcome }}">{{ gate.verdict }}</td>
<td class="n">{{ gate.rows }}</td><td class="n">{{ gate.failed_rows }}</td></tr>
{% endfor %}
</tbody>
</table>
{% for gate in gates %}
<h2 id="g{{ loop.index }}">{{ gate.suite }}:
<span class="{{ gate.outcome }}">{{ gate.verdict }}</span></h2>
<p class="quiet">Night {{ gate.night }}, result {{ gate.id }}, {{ gate.at }}</p>
<table>
<thead><tr><th>Check</th><th>Column</th><th>Expectation</th><th>Severity</th><th>Promise</th>
<th>Result</th><th class="n">Evaluated</th><th class="n">Failed</th></tr></thead>
<tbody>
{% for check in gate.checks %}
<tr><td>{{ check.name }}</td><td>{{ check.column }}</td><td>{{ check.expectation }}</td>
<td>{{ check.severity }}</td><td>{{ check.promise }}</td>
<td class="{{ check.result }}">{{ check.result }}</td>
<td class="n">{{ check.evaluated }}</td><td class="n">{{ check.failed }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endfor %}
{% endif %}
</body>
</html>
"""

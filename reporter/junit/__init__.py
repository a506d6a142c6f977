"""JUnit XML: bytes in, cases out. Nothing here opens a file, a connection or a thread.

A case passes these modules on its way from a report's bytes to its row:

1. `parser` turns bytes into `element`s as soon as they are closed. `testsuite` holds the open `<testsuite>` elements.
2. `testcase` turns a `<testcase>` element into a `case.Case`. `failure`, `failure_message`, `location` and `times`
   interpret its texts and figures. `names.case_name` joins class and name.
3. `tries` joins the elements of a repeated case into one case with several tries.
4. `reading` brings the reports of a shard together. `names.Namer` gives each case a name that no other case has.
5. `masking` masks the values of the suite's secret.

`reporter.results.case_rows` then writes the row.
"""

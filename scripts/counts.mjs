// Reads what test runners print: how many tests passed and failed, and which were slow. Runs
// nothing.

/** The form in which each runner prints its sums. A skipped or ignored test counts as failed. */
const SUMS = {
  cargo: {
    passed: /^test result: .*?(\d+) passed/,
    failed: /^test result: .*?(\d+) (?:failed|ignored); (?:(\d+) ignored)?/,
  },
  node: {
    passed: /^ℹ pass (\d+)$/,
    failed: /^ℹ (?:fail|cancelled|skipped|todo) (\d+)$/,
  },
}

/** A test slower than this, in ms, is worth a line. */
const SLOW = 1000

/**
 * Adds up the numbers in the output of 'cargo' or 'node': nothing is left out quietly. `slow` are
 * `[name, ms]`, of cargo's tests by the time since the line before, which is right for one thread.
 */
export function count({ status, lines, cpu }, runner) {
  const sum = pattern =>
    lines
      .flatMap(([line]) => pattern.exec(line)?.slice(1) ?? [])
      .reduce((all, n) => all + Number(n ?? 0), 0)
  const counted = { passed: sum(SUMS[runner].passed), failed: sum(SUMS[runner].failed) }
  // a crash before or between the tests leaves no count behind
  if (status !== 0 && counted.failed === 0) counted.failed = 1
  return { ...counted, cpu, slow: slowest(lines, runner) }
}

function slowest(lines, runner) {
  const times = runner === 'node' ? timesOfNode(lines) : timesOfCargo(lines)
  return times
    .filter(([, ms]) => ms > SLOW)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 5)
}

/** Of tests, not of the groups that they are in. */
function timesOfNode(lines) {
  const groups = new Set(lines.map(([line]) => /^ *▶ (.+)$/.exec(line)?.[1]))
  return lines.flatMap(([line]) => {
    const test = /^ *[✔✖] (.+) \(([\d.]+)ms\)/.exec(line)
    return test && !groups.has(test[1]) ? [[test[1], Number(test[2])]] : []
  })
}

function timesOfCargo(lines) {
  return lines.flatMap(([line, at], i) => {
    const test = /^test (\S+) \.\.\. /.exec(line)
    return test && i > 0 ? [[test[1], at - lines[i - 1][1]]] : []
  })
}

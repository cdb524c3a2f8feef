// The simulator's seeds over the published package: the very wasm in pkg/, with replicas that die
// at any write, tells the same story as the native engine, down to every byte of every message and
// every row.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare } from './compare.js'

const SEEDS = 400
const STEPS = 300
/** The faults that must have come up in those seeds, for the comparison to be worth something. */
const FAULTS = [
  'KilledMidWrite',
  'ServerKilledMidWrite',
  'RolledBack',
  'RequestDoubled',
  'AnswerOfAFormerLife',
  'SegmentForged',
  'Rebased',
  'Rewound',
  'Renamed',
  'Restored',
  'Cloned',
  'Emptied',
  'EpochChanged',
  'StorageFailed',
]

test('the shipped wasm and the native engine do the same, seed by seed', async t => {
  const { seeds, seconds, counters, different } = await compare({ seeds: SEEDS, steps: STEPS })
  assert.equal(different, undefined)
  assert.equal(seeds, SEEDS)
  for (const fault of FAULTS) assert.ok(counters[fault] > 0, `${fault} never happened`)
  t.diagnostic(`${seeds} seeds, identical`)
  t.diagnostic(
    `${Math.round((seeds * STEPS) / seconds)} steps/s in wasm, with the native run at the same time`,
  )
})

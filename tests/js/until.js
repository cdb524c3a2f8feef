// Waiting in tests, which ends: a condition that never comes true fails the test and is named.
import assert from 'node:assert/strict'

/** Resolves once `check()` is true, or gives a promise of true; looks every `every` ms. */
export async function until(check, ms = 8000, every = 1) {
  const deadline = Date.now() + ms
  while (!(await check())) {
    assert.ok(Date.now() < deadline, `waited ${ms / 1000} s for ${check}`)
    await new Promise(resolve => setTimeout(resolve, every))
  }
}

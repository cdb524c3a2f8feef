// Reads the options of the scripts. A wrong one ends the script with one line and exit code 2, so
// this is called before anything is built. What an option means is the script's own.
import { parseArgs } from 'node:util'

/** A whole number; what is past the most would be rounded, or none that a program takes. */
export const whole =
  (least = 0, most = Number.MAX_SAFE_INTEGER) =>
  text => {
    if (!/^\d+$/.test(text) || Number(text) < least || Number(text) > most)
      throw new Error(`a whole number from ${least} to ${most} is needed`)
    return Number(text)
  }

/** A number such as 0.5. */
export function amount(text) {
  if (!/^(\d+|\d*\.\d+)$/.test(text)) throw new Error('a number such as 30 or 0.5 is needed')
  return Number(text)
}

/** One of these words. */
export const oneOf = words => text => {
  if (!words.includes(text)) throw new Error(`choose one of: ${words.join(', ')}`)
  return text
}

/** Any text, but some. */
export function text(given) {
  if (given === '') throw new Error('it is empty')
  return given
}

/**
 * The values by name; of an option that is not given, none. `spec` has the reader of each option's
 * value. Throws an Error whose message is one line.
 */
export function read(spec, args) {
  const known = Object.keys(spec)
  const options = Object.fromEntries(known.map(name => [name, { type: 'string' }]))
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true })
  const values = {}
  for (const token of tokens) {
    const takes = known.length > 0 ? known.map(name => `--${name}`).join(' ') : 'none'
    if (token.kind !== 'option')
      throw new Error(`'${token.value ?? '--'}' is not an option; there are: ${takes}`)
    const { name, rawName, value } = token
    if (!Object.hasOwn(spec, name) || !rawName.startsWith('--'))
      throw new Error(`there is no option '${rawName}'; there are: ${takes}`)
    // a second option in the place of a value: '-3' stays, to be refused as a value
    if (value === undefined || value.startsWith('--'))
      throw new Error(`${rawName} needs a value, such as '${rawName} VALUE'`)
    if (Object.hasOwn(values, name)) throw new Error(`${rawName} is given twice`)
    try {
      values[name] = spec[name](value)
    } catch (error) {
      throw new Error(`${rawName} '${value}' is wrong: ${error.message}`)
    }
  }
  return values
}

/** The values of this process's options. */
export function optionsOf(spec) {
  try {
    return read(spec, process.argv.slice(2))
  } catch (error) {
    refuse(error.message)
  }
}

/** Ends the process for a reason that its caller can mend. */
export function refuse(line) {
  console.error(line)
  process.exit(2)
}

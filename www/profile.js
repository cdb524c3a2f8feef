// The user of this browser profile: a random id that the server knows it by, and a name and colour
// for the others.

const KEY = 'tidelog-demo-profile'
const ADJECTIVES = [
  'Brave',
  'Calm',
  'Clever',
  'Gentle',
  'Lucky',
  'Merry',
  'Quick',
  'Quiet',
  'Sunny',
  'Wild',
]
const ANIMALS = [
  'Crab',
  'Dolphin',
  'Heron',
  'Otter',
  'Penguin',
  'Puffin',
  'Seal',
  'Starfish',
  'Tern',
  'Whale',
]
/** Hues that are told apart well and read well on light and on dark. */
const HUES = [10, 35, 90, 150, 190, 220, 260, 300, 335]

/** This browser's profile, made on the first visit. */
export function loadProfile() {
  const kept = read()
  if (kept) return kept
  const id = [...crypto.getRandomValues(new Uint8Array(16))]
    .map(byte => byte.toString(16).padStart(2, '0'))
    .join('')
  return saveProfile({ id, name: `${pick(ADJECTIVES)} ${pick(ANIMALS)}`, hue: pick(HUES) })
}

export function saveProfile(profile) {
  localStorage.setItem(KEY, JSON.stringify(profile))
  return profile
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY))
  } catch {
    return null
  }
}

function pick(choices) {
  return choices[Math.floor(Math.random() * choices.length)]
}

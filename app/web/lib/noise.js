// From a seed to its noise, number for number what the service draws: numpy's legacy generator (Mersenne Twister, polar
// normal deviates), which its compatibility policy keeps as it is for ever. And noise between seeds. Pure.

const [SIZE, SHIFT] = [624, 397];

/** Whole numbers of 32 bits from a seed on. @param {number} seed @returns {() => number} */
function twister(seed) {
  const state = new Uint32Array(SIZE);
  state[0] = seed;
  for (let i = 1; i < SIZE; i += 1) {
    const before = state[i - 1] ^ (state[i - 1] >>> 30);
    state[i] = Math.imul(1812433253, before) + i;
  }
  let at = SIZE;
  const renew = () => {
    for (let i = 0; i < SIZE; i += 1) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % SIZE] & 0x7fffffff);
      state[i] = state[(i + SHIFT) % SIZE] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  return () => {
    if (at === SIZE) renew();
    let y = state[at];
    at += 1;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/** The noise of a seed: RandomState(seed).standard_normal(size). @param {number} seed @param {number} size @returns {number[]} */
export function noiseOf(seed, size) {
  const next = twister(seed);
  const uniform = () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
  const found = [];
  while (found.length < size) {
    let x = 0;
    let y = 0;
    let square = 0;
    do {
      x = 2 * uniform() - 1;
      y = 2 * uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    found.push(factor * y, factor * x);
  }
  return found.slice(0, size);
}

/**
 * A mixture of rows of noise, as long as noise is: each number has the variance 1 again.
 * @param {number[][]} rows @param {number[]} weights @returns {number[]} to four decimals, so that it can be written down
 */
export function mixed(rows, weights) {
  const norm = Math.hypot(...weights) || 1;
  return rows[0].map((_, i) => Number((rows.reduce((sum, row, k) => sum + weights[k] * row[i], 0) / norm).toFixed(4)));
}

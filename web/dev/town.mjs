/** A made-up town: slightly crooked streets in blocks around a centre, with avenues one can drive faster on. */

const LAT = 52.0;
const LON = 5.3;
const BLOCK_M = 240;
const METRES_A_DEGREE = 111_195;

/** @typedef {{ lat: number, lon: number }} Place */

export class Town {
  /** @param {number} size blocks a side @param {() => number} random */
  constructor(size, random) {
    this.size = size;
    /** @type {Place[]} */
    this.corners = [];
    for (let row = 0; row <= size; row += 1) {
      for (let column = 0; column <= size; column += 1) this.corners.push(this.#corner(row, column, random));
    }
  }

  /** @param {number} row @param {number} column @param {() => number} random */
  #corner(row, column, random) {
    const middle = this.size / 2;
    const bend = 0.35 * Math.sin(row / 5) + 0.25 * Math.cos(column / 4);
    const north = (row - middle + 0.3 * Math.sin(column / 3) + (random() - 0.5) * 0.25) * BLOCK_M;
    const east = (column - middle + bend + (random() - 0.5) * 0.25) * BLOCK_M;
    return {
      lat: LAT + north / METRES_A_DEGREE,
      lon: LON + east / (METRES_A_DEGREE * Math.cos((LAT * Math.PI) / 180)),
    };
  }

  /** @param {() => number} random */
  randomCorner(random) {
    return Math.floor(random() * this.corners.length);
  }

  /** The corners from one to another, along streets, staircase-wise with a whim. @param {number} from @param {number} to @param {() => number} random */
  path(from, to, random) {
    const side = this.size + 1;
    let row = Math.floor(from / side);
    let column = from % side;
    const path = [from];
    while (row !== Math.floor(to / side) || column !== to % side) {
      const rowsLeft = Math.floor(to / side) - row;
      const columnsLeft = (to % side) - column;
      const alongRows = columnsLeft === 0 || (rowsLeft !== 0 && random() < 0.4);
      if (alongRows) row += Math.sign(rowsLeft);
      else column += Math.sign(columnsLeft);
      path.push(row * side + column);
    }
    return path;
  }

  /** Every fifth street is an avenue. @param {number} from @param {number} to */
  speedMps(from, to) {
    const side = this.size + 1;
    const sameRow = Math.floor(from / side) === Math.floor(to / side);
    const line = sameRow ? Math.floor(from / side) : from % side;
    return line % 5 === 0 ? 17 : 10;
  }
}

/** @param {Place} from @param {Place} to */
export function metresBetween(from, to) {
  const north = (to.lat - from.lat) * METRES_A_DEGREE;
  const east = (to.lon - from.lon) * METRES_A_DEGREE * Math.cos((from.lat * Math.PI) / 180);
  return Math.hypot(north, east);
}

/** @param {Place} from @param {Place} to */
export function bearingDeg(from, to) {
  const east = (to.lon - from.lon) * Math.cos((from.lat * Math.PI) / 180);
  return ((Math.atan2(east, to.lat - from.lat) * 180) / Math.PI + 360) % 360;
}

// A table that becomes a list of cards where it is narrow. A row may lead somewhere: its first cell that is no control is the link.
import { html } from "../lib/ui.js";

/**
 * @template T
 * @typedef {{title: string, cell: (row: T) => any, isNumber?: boolean, isMinor?: boolean, isControl?: boolean}} Column isMinor: left out where it is narrow; isControl: something to click
 */

/**
 * @template T
 * @param {{label: string, columns: Column<T>[], rows: T[], keyOf: (row: T) => string, hrefOf?: (row: T) => string}} props
 */
export function Table({ label, columns, rows, keyOf, hrefOf }) {
  const linked = columns.findIndex((column) => !column.isControl);
  return html`
    <div class="table-box">
      <table class="table" aria-label=${label}>
        <thead>
          <tr>${columns.map((column) => html`<th key=${column.title} scope="col" class=${kindOf(column)}>${column.isControl ? html`<span class="visually-hidden">${column.title}</span>` : column.title}</th>`)}</tr>
        </thead>
        <tbody>
          ${rows.map((row) => html`
            <tr key=${keyOf(row)} class=${hrefOf ? "is-link" : ""}>
              ${columns.map((column, i) => html`
                <td key=${column.title} class=${kindOf(column)} data-title=${column.title}>
                  ${i === linked && hrefOf ? html`<a class="row-link" href=${hrefOf(row)}>${column.cell(row)}</a>` : column.cell(row)}
                </td>`)}
            </tr>`)}
        </tbody>
      </table>
    </div>`;
}

/** @param {Column<any>} column */
function kindOf(column) {
  return [column.isNumber && "is-number", column.isMinor && "is-minor", column.isControl && "is-control"].filter(Boolean).join(" ");
}

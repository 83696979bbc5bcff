//! The order in which coefficients are stored.

/// Row × 8 + column of a coefficient by its zigzag index.
pub(crate) const NATURAL: [u8; 64] = natural();

const fn natural() -> [u8; 64] {
    let mut order = [0; 64];
    let (mut row, mut column) = (0_u8, 0_u8);
    let mut index = 0;
    while index < 64 {
        order[index] = row * 8 + column;
        // Even diagonals run up and to the right, odd ones down and to the left.
        if (row + column).is_multiple_of(2) {
            if column == 7 {
                row += 1;
            } else {
                column += 1;
                row = row.saturating_sub(1);
            }
        } else if row == 7 {
            column += 1;
        } else {
            row += 1;
            column = column.saturating_sub(1);
        }
        index += 1;
    }
    order
}

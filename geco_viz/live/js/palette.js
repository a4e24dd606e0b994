// Colours and type, from the file that static figures read too.

import palette from "../../plots/palette.json";

export const { FONT, THEMES } = palette;

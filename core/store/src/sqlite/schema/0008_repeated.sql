-- When a live reason was last said again: what is older does not end it.
ALTER TABLE reason ADD COLUMN repeated INTEGER;

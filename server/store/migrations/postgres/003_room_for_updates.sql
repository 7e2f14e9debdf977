-- Room in each page of rows that are written again and again: a new version of a row then stands beside the old one, and
-- no index needs to hear of it (a HOT update). In full pages, as all are of a table that was filled at once, each first
-- request of a token would write to all of its indexes. Pages that are there already get the room as they are rewritten,
-- or by VACUUM FULL.
ALTER TABLE tokens SET (fillfactor = 85);
ALTER TABLE usage SET (fillfactor = 70);
ALTER TABLE token_windows SET (fillfactor = 70);

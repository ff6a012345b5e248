-- The queue reads what is due site by site, earliest first.

-- +goose Up
CREATE INDEX qrcpt_site ON qrcpt (status, site, due);

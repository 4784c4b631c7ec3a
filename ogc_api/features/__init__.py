"""OGC API Features over the store: queries read strictly, pages of GeoJSON encoded by column."""

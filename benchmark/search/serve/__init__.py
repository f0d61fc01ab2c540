"""The local page on which an archive is searched by image; see docs/search_page.md."""

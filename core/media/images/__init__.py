"""uint8 images, and the files that are made of them."""

from core.media.images.sheets import Images, base_size, contact_sheet, enlarge, layout, to_npy, to_webp

__all__ = ["Images", "base_size", "contact_sheet", "enlarge", "layout", "to_npy", "to_webp"]

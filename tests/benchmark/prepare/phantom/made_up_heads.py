"""Heads drawn by code: nested ellipsoids with FreeSurfer's labels, in any orientation and resolution."""

import nibabel
import numpy as np

# Label, or labels of left and right, middle (left negative) and half axes in mm; later structures cover earlier ones.
_HEAD = ((516, (0, -15, 8), (82, 102, 92)), (515, (0, -15, 10), (76, 95, 80)))
_FLUID = ((24, (0, -16, 12), (71, 89, 68)),)
_BRAIN = (
    ((8, 47), (0, -62, -38), (45, 28, 24)),
    ((7, 46), (0, -62, -38), (30, 18, 12)),
    ((3, 42), (0, -16, 18), (66, 84, 60)),
    ((2, 41), (0, -16, 18), (62.5, 80.5, 56.5)),
    (16, (0, -27, -35), (13, 13, 32)),
    (14, (0, -12, 2), (2.5, 12, 8)),
    (15, (0, -44, -32), (5, 5, 8)),
    ((10, 49), (13, -19, 2), (7, 12, 7)),
    ((11, 50), (15, 12, 3), (4, 9, 5)),
    ((12, 51), (26, 1, 0), (6, 13, 9)),
    ((13, 52), (18, -4, -1), (3.5, 6, 5)),
    ((26, 58), (10, 13, -8), (4, 4, 3)),
    ((17, 53), (27, -23, -16), (7, 18, 6.5)),
    ((18, 54), (24, -3, -19), (6, 6, 6)),
    ((4, 43), (12, -10, 18), (7, 32, 9)),
)
FIELD = np.array([176.0, 216.0, 208.0])


def head(spacing=(2.0, 2.0, 2.0), size=1.0, ventricles=1.0, fluid=True, skull=True):
    """Labels on a RAS grid and the affine; ``ventricles`` is a factor on the volume of the lateral ones."""
    shape = np.rint(FIELD / spacing).astype(int)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = np.array([0, -15, 0]) - (shape - 1) / 2 * spacing
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    world = [affine[k, k] * axes[k] + affine[k, 3] for k in range(3)]
    labels = np.zeros(shape, np.int16)
    for which, middle, half in (*(_HEAD if skull else ()), *(_FLUID if fluid else ()), *_BRAIN):
        grown = ventricles ** (1 / 3) if which == (4, 43) else 1.0
        sides = ((which, 1),) if isinstance(which, int) else ((which[0], -1), (which[1], 1))
        for label, side in sides:
            inside = sum(
                ((world[k] - size * middle[k] * (side if k == 0 else 1)) / (size * grown * half[k])) ** 2
                for k in range(3)
            )
            labels[(inside < 1) & ((side * world[0] > 0) | isinstance(which, int))] = label
    return labels, affine


def oriented(labels, affine, axes="RAS"):
    """The same head with its voxels stored along other axes."""
    image = nibabel.Nifti1Image(labels, affine)
    start = nibabel.orientations.io_orientation(affine)
    turned = image.as_reoriented(nibabel.orientations.ornt_transform(start, nibabel.orientations.axcodes2ornt(axes)))
    return np.asarray(turned.dataobj), turned.affine


def write(path, labels, affine):
    kind = nibabel.MGHImage if path.name.endswith("mgz") else nibabel.Nifti1Image
    nibabel.save(kind(labels, affine), path)
    return path


def write_people(folder, count=4):
    """Label maps of several people, each with axes and a resolution of its own; their paths."""
    folder.mkdir()
    axes = ("LIA", "RAS", "PSR", "ALI", "RPI")
    spacings = ((1.5, 1.5, 1.5), (2.0, 2.0, 2.0), (1.0, 1.5, 2.0), (1.2, 1.2, 1.2), (2.0, 1.5, 1.5))
    return [
        write(
            folder / f"person_{number}.nii.gz",
            *oriented(*head(spacings[number % 5], 0.94 + 0.02 * number, 0.8 + 0.2 * number), axes[number % 5]),
        )
        for number in range(count)
    ]

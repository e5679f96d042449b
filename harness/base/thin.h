/* Room on the disk that a file of ours has taken and never used is given back; what is read from it stays the same. */
#ifndef LASTACK_BASE_THIN_H
#define LASTACK_BASE_THIN_H

/* Makes holes where whole blocks are zero. Where the file system cannot, or the file is not there, nothing happens. */
void la_thin(const char *path);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/image.h>

#include <stdlib.h>

void vmctl_image_free(struct vmctl_image *image)
{
	if (!image)
		return;
	free(image->name);
	free(image->description);
	free(image->os);
	free(image->arch);
	free(image->user);
	free(image->digest);
	free(image->source_digest);
	free(image->path);
	free(image);
}

void vmctl_image_list_free(struct vmctl_image_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		vmctl_image_free(list->items[i]);
	free(list->items);
	free(list);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Calls a fuzz target with every file of a folder: what fuzzing found worth keeping, without a fuzzer. */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define LARGEST_INPUT ((size_t)1 << 20)

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
        return EXIT_FAILURE;
    }
    DIR *folder = opendir(arguments[1]);
    if (folder == NULL) {
        perror(arguments[1]);
        return EXIT_FAILURE;
    }
    int inputs = 0;
    uint8_t *input = malloc(LARGEST_INPUT);
    for (struct dirent *entry = readdir(folder); input != NULL && entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", arguments[1], entry->d_name);
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            perror(path);
            inputs = 0;
            break;
        }
        size_t size = fread(input, 1, LARGEST_INPUT, file);
        fclose(file);
        printf("%s\n", entry->d_name);
        fflush(stdout);
        LLVMFuzzerTestOneInput(input, size);
        inputs++;
    }
    free(input);
    closedir(folder);
    printf("%d inputs\n", inputs);
    return inputs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

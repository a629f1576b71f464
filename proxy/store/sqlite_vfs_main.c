/* The file of a store has two connections: the one that works with it, and one that brings the log home from a thread
 * of its own (sqlite_checkpoint.h). SQLite lets connections share the index of the log through memory that all
 * processes map, and through locks on it; here both are of this process alone.
 *
 * Other processes are kept out by an exclusive lock, taken with the first lock that any connection asks for and held
 * until the last one closes the file. Between the connections only one thing is decided by the levels of that lock: who
 * is alone may do what ends the log.
 *
 *     place      a file by its name, while it is open: regions of memory, and who holds which of the eight locks
 *     main_file  a connection's handle of it */
#include "proxy/store/sqlite_vfs_internal.h"

#include "common/mem.h"

#include <pthread.h>
#include <string.h>

struct place {
    struct place *next;
    char *name;
    unsigned handles;
    sqlite3_file *locked; /* the real file by which the process holds its lock; NULL: it does not yet */
    void **regions;       /* of the index of the log */
    int region_count;
    unsigned shared[SQLITE_SHM_NLOCK]; /* holders */
    bool exclusive[SQLITE_SHM_NLOCK];
};

struct main_file {
    struct wrapped wrapped;
    struct place *place;
    bool is_refused;            /* another one was first */
    bool is_further;            /* one that brings the log home */
    unsigned unsynced;          /* pages that it wrote */
    unsigned shared, exclusive; /* locks that it holds, as bits */
};

_Static_assert(sizeof(struct main_file) <= WRAPPED_LEN_MAX, "there is room before the real file");

enum { UNSYNCED_MAX = 64 /* pages */ };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards all of it */
static struct place *places;

static struct main_file *main_of(sqlite3_file *file) {
    return CONTAINER_OF(wrapped_of(file), struct main_file, wrapped);
}

static struct place *enter_place(const char *name) {
    struct place *place = places;
    while (place != NULL && strcmp(place->name, name) != 0)
        place = place->next;
    if (place == NULL) {
        place = MEM_NEW(struct place);
        place->name = mem_strdup(name);
        place->next = places;
        places = place;
    }
    place->handles++;
    return place;
}

static void drop_regions(struct place *place) {
    for (int i = 0; i < place->region_count; i++)
        mem_free(place->regions[i]);
    mem_free((void *)place->regions);
    place->regions = NULL;
    place->region_count = 0;
}

static void leave_place(struct place *place) {
    if (--place->handles > 0)
        return;
    struct place **link = &places;
    while (*link != place)
        link = &(*link)->next;
    *link = place->next;
    drop_regions(place);
    mem_free(place->name);
    mem_free(place);
}

/* The lock of the process goes with the handle that it was taken by: connections are closed in the reverse order of
 * opening them. */
static int main_close(sqlite3_file *file) {
    struct main_file *main = main_of(file);
    pthread_mutex_lock(&mutex);
    if (main->place->locked == main->wrapped.real)
        main->place->locked = NULL;
    leave_place(main->place);
    pthread_mutex_unlock(&mutex);
    return main->wrapped.real->pMethods->xClose(main->wrapped.real);
}

static int take_for_process(struct place *place, sqlite3_file *real) {
    int result = real->pMethods->xLock(real, SQLITE_LOCK_SHARED);
    if (result == SQLITE_OK)
        result = real->pMethods->xLock(real, SQLITE_LOCK_EXCLUSIVE);
    if (result == SQLITE_OK)
        place->locked = real;
    else
        (void)real->pMethods->xUnlock(real, SQLITE_LOCK_NONE);
    return result;
}

/* The disk does one thing after the other: a commit that is synced at the same time waits for all that is given to it
 * at once, so it is given little at a time. */
static int main_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at) {
    struct main_file *main = main_of(file);
    int result = wrapped_write(file, bytes, len, at);
    if (result != SQLITE_OK || !main->is_further || ++main->unsynced < UNSYNCED_MAX)
        return result;
    main->unsynced = 0;
    return wrapped_sync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
}

static int main_lock(sqlite3_file *file, int level) {
    struct main_file *main = main_of(file);
    int result = main->is_refused ? SQLITE_BUSY : SQLITE_OK;
    pthread_mutex_lock(&mutex);
    if (result == SQLITE_OK && main->place->locked == NULL)
        result = take_for_process(main->place, main->wrapped.real);
    if (result == SQLITE_OK && level > SQLITE_LOCK_SHARED && main->place->handles > 1)
        result = SQLITE_BUSY;
    pthread_mutex_unlock(&mutex);
    return result;
}

static int main_unlock(sqlite3_file *file, int level) {
    (void)file, (void)level;
    return SQLITE_OK;
}

static int main_check_reserved_lock(sqlite3_file *file, int *is_locked) {
    (void)file;
    *is_locked = 0; /* not by another process; and connections of this one write through the log */
    return SQLITE_OK;
}

static int main_map(sqlite3_file *file, int region, int len, int extend, void volatile **at) {
    struct place *place = main_of(file)->place;
    pthread_mutex_lock(&mutex);
    if (region >= place->region_count && extend != 0) {
        place->regions = mem_resize((void *)place->regions, ((size_t)region + 1) * sizeof *place->regions);
        while (place->region_count <= region)
            place->regions[place->region_count++] = mem_zalloc((size_t)len);
    }
    *at = region < place->region_count ? place->regions[region] : NULL;
    pthread_mutex_unlock(&mutex);
    return SQLITE_OK;
}

static bool may_take(const struct main_file *main, int slot, bool exclusive) {
    const struct place *place = main->place;
    unsigned others = place->shared[slot] - (main->shared >> slot & 1U);
    bool other_is_exclusive = place->exclusive[slot] && (main->exclusive >> slot & 1U) == 0;
    return !other_is_exclusive && (!exclusive || others == 0);
}

static void release(struct main_file *main, int slot) {
    main->place->shared[slot] -= main->shared >> slot & 1U;
    if ((main->exclusive >> slot & 1U) != 0)
        main->place->exclusive[slot] = false;
    main->shared &= ~(1U << slot);
    main->exclusive &= ~(1U << slot);
}

static void take(struct main_file *main, int slot, bool exclusive) {
    release(main, slot);
    if (exclusive) {
        main->place->exclusive[slot] = true;
        main->exclusive |= 1U << slot;
    } else {
        main->place->shared[slot]++;
        main->shared |= 1U << slot;
    }
}

static int main_shm_lock(sqlite3_file *file, int first, int count, int flags) {
    struct main_file *main = main_of(file);
    bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0, free = true;
    pthread_mutex_lock(&mutex);
    for (int slot = first; slot < first + count && (flags & SQLITE_SHM_LOCK) != 0; slot++)
        free = free && may_take(main, slot, exclusive);
    for (int slot = first; slot < first + count && free; slot++) {
        if ((flags & SQLITE_SHM_LOCK) != 0)
            take(main, slot, exclusive);
        else
            release(main, slot);
    }
    pthread_mutex_unlock(&mutex);
    return free ? SQLITE_OK : SQLITE_BUSY;
}

static void main_barrier(sqlite3_file *file) {
    (void)file;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

static int main_unmap(sqlite3_file *file, int delete) {
    struct main_file *main = main_of(file);
    pthread_mutex_lock(&mutex);
    for (int slot = 0; slot < SQLITE_SHM_NLOCK; slot++)
        release(main, slot);
    if (delete != 0 && main->place->handles == 1)
        drop_regions(main->place);
    pthread_mutex_unlock(&mutex);
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = main_close,
    .xRead = wrapped_read,
    .xWrite = main_write,
    .xTruncate = wrapped_truncate,
    .xSync = wrapped_sync,
    .xFileSize = wrapped_file_size,
    .xLock = main_lock,
    .xUnlock = main_unlock,
    .xCheckReservedLock = main_check_reserved_lock,
    .xFileControl = wrapped_file_control,
    .xSectorSize = wrapped_sector_size,
    .xDeviceCharacteristics = wrapped_characteristics,
    .xShmMap = main_map,
    .xShmLock = main_shm_lock,
    .xShmBarrier = main_barrier,
    .xShmUnmap = main_unmap,
};

void vfs_main_begin(sqlite3_file *file, const char *name, bool is_further) {
    struct main_file *main = main_of(file);
    pthread_mutex_lock(&mutex);
    main->place = enter_place(name);
    main->is_further = is_further;
    main->is_refused = !is_further && main->place->handles > 1;
    pthread_mutex_unlock(&mutex);
    file->pMethods = &methods;
}

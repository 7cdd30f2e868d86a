using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;

namespace Orleans.Personalize.Journal;

/// <summary>
/// The database file of one data directory: one thread with the only connection that writes and checkpoints, and a few connections that
/// read. Whoever holds it has the directory to itself.
/// </summary>
/// <remarks>
/// Only one connection may checkpoint: up to SQLite 3.51.2 a checkpoint beside another connection's write can corrupt the file
/// (https://sqlite.org/wal.html#walresetbug).
/// </remarks>
internal sealed class SqliteDatabase : IAsyncDisposable
{
    /// <summary>Reads at a time; more would only wait for the same disk.</summary>
    private const int Readers = 4;

    /// <summary>Writes that may wait for the writer: the group committer has one at a time, the grains' storage a few.</summary>
    private const int WaitingMax = 1_024;

    /// <summary>
    /// FULL: a commit has reached the disk when it returns. secure_delete: what is erased is overwritten. A checkpoint every 4 MB of log, as
    /// is the default: one every 32 MB keeps commits waiting for tens of milliseconds. 64 MB of cache hold the heads of some 500,000. No
    /// memory map: it gains nothing here and turns an I/O error into a crash.
    /// </summary>
    internal const string WriterPragmas = """
        PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;
        PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-65536; PRAGMA busy_timeout=1000
        """;

    private const string ReaderPragmas = "PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-8192; PRAGMA busy_timeout=5000";

    private readonly FileStream lockFile;
    private readonly SqliteSession writer;
    private readonly ConcurrentBag<SqliteSession> readers = [];
    private readonly SemaphoreSlim idleReaders = new(Readers);
    private readonly BlockingCollection<Action> waiting = new(WaitingMax);
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int disposed;

    private SqliteDatabase(FileStream lockFile, SqliteSession writer, string path)
    {
        this.lockFile = lockFile;
        this.writer = writer;
        for (var i = 0; i < Readers; i++)
            readers.Add(new SqliteSession(path, SqliteOpenMode.ReadOnly, ReaderPragmas));
        new Thread(RunWriter) { Name = "journal writer", IsBackground = true }.Start();
    }

    /// <summary>The name of the database file in the data directory.</summary>
    public const string FileName = "personalize.db";

    /// <exception cref="JournalOpenException">Another process has it open, or the file is damaged or of a newer program.</exception>
    public static SqliteDatabase Open(string directory)
    {
        Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, FileName);
        var held = Lock(directory);
        SqliteSession? opened = null;
        try
        {
            CreatePrivately(path);
            opened = new SqliteSession(path, SqliteOpenMode.ReadWriteCreate, WriterPragmas);
            SqliteSchema.Upgrade(opened);
            return new SqliteDatabase(held, opened, path);
        }
        catch (Exception failure)
        {
            opened?.Dispose();
            held.Dispose();
            throw failure is SqliteException or JournalOpenException
                ? new JournalOpenException($"The journal {path} cannot be opened: {failure.Message}", failure)
                : failure;
        }
    }

    /// <summary>Runs the work in a transaction on the writer: all of it is durable when the task ends, or none.</summary>
    /// <exception cref="JournalException">SQLite failed. What the work did was rolled back, unless the failure was the commit's own.</exception>
    /// <exception cref="JournalBusyException">Too much is waiting; the work was not begun.</exception>
    public Task<T> WriteAsync<T>(Func<SqliteSession, T> work)
    {
        ObjectDisposedException.ThrowIf(waiting.IsAddingCompleted, this);
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!waiting.TryAdd(() => Complete(done, work)))
            done.SetException(new JournalBusyException());
        return done.Task;
    }

    /// <summary>Runs queries that all see the same state.</summary>
    /// <exception cref="JournalException">SQLite failed.</exception>
    public async Task<T> ReadAsync<T>(Func<SqliteSession, T> work, CancellationToken cancellation)
    {
        await idleReaders.WaitAsync(cancellation);
        try
        {
            // Off the caller's scheduler: a read may wait for the disk, and a grain must not.
            return await Task.Run(() => Read(work), cancellation);
        }
        finally
        {
            idleReaders.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
            return;
        waiting.CompleteAdding();
        await ended.Task;
        for (var i = 0; i < Readers; i++)
            await idleReaders.WaitAsync();
        foreach (var reader in readers)
            reader.Dispose();
        // Last, so that it is this connection whose closing checkpoints.
        writer.Dispose();
        await lockFile.DisposeAsync();
        waiting.Dispose();
        idleReaders.Dispose();
    }

    private static FileStream Lock(string directory)
    {
        var path = Path.Combine(directory, "personalize.lock");
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException failure)
        {
            throw new JournalOpenException($"The data directory {directory} is in use by another process: {failure.Message}", failure);
        }
    }

    /// <summary>Makes the file readable by its owner only; SQLite gives its log the same rights.</summary>
    private static void CreatePrivately(string path)
    {
        if (OperatingSystem.IsWindows() || File.Exists(path))
            return;
        File.Open(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }).Dispose();
    }

    private void RunWriter()
    {
        foreach (var work in waiting.GetConsumingEnumerable())
            work();
        ended.SetResult();
    }

    private void Complete<T>(TaskCompletionSource<T> done, Func<SqliteSession, T> work)
    {
        try
        {
            var result = InTransaction(work);
            if (writer.ErasedLately)
                EmptyLog();
            done.SetResult(result);
        }
#pragma warning disable CA1031 // The caller gets it, and the writer lives on.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            done.SetException(Translate(failure));
        }
    }

    private T InTransaction<T>(Func<SqliteSession, T> work)
    {
        // One is open here only if rolling it back has failed, on a disk that fails.
        RollBack();
        writer.Execute("BEGIN IMMEDIATE");
        try
        {
            var result = work(writer);
            writer.Execute("COMMIT");
            return result;
        }
        catch
        {
            RollBack();
            throw;
        }
    }

    /// <summary>After some failures, such as a full disk, SQLite has rolled back already.</summary>
    private void RollBack()
    {
        if (writer.IsInTransaction)
            writer.Execute("ROLLBACK");
    }

    /// <summary>Moves the log into the file and cuts it, so that erased bytes are in neither. Where a reader is in the way, the next write tries again.</summary>
    private void EmptyLog()
    {
        try
        {
            writer.ErasedLately = writer.Scalar("PRAGMA wal_checkpoint(TRUNCATE)") != 0;
        }
        catch (SqliteException)
        {
            // The commit itself is durable, and the log stays valid.
        }
    }

    private T Read<T>(Func<SqliteSession, T> work)
    {
        if (!readers.TryTake(out var reader))
            throw new InvalidOperationException("There are as many readers as permits.");
        try
        {
            reader.Execute("BEGIN");
            return work(reader);
        }
        catch (SqliteException failure)
        {
            throw Translate(failure);
        }
        finally
        {
            if (reader.IsInTransaction)
                reader.Execute("ROLLBACK");
            readers.Add(reader);
        }
    }

    private static Exception Translate(Exception failure) =>
        failure is SqliteException ? new JournalException($"The database failed: {failure.Message}", failure) : failure;
}

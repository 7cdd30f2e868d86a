using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Imports;

/// <summary>How many files this process takes in at a time.</summary>
internal sealed class ImportSlots
{
    private int taken;

    /// <returns>Gives the slot back when it is disposed of.</returns>
    /// <exception cref="JournalBusyException">All are taken.</exception>
    public IDisposable Take()
    {
        if (Interlocked.Increment(ref taken) <= Limits.ImportsMax)
            return new Slot(this);
        Interlocked.Decrement(ref taken);
        throw new JournalBusyException();
    }

    private sealed class Slot(ImportSlots slots) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref slots.taken);
    }
}

/// <summary>The progress was recorded by somebody else meanwhile.</summary>
internal sealed class ImportMovedException() : Exception("Another request has gone on with this, or it has ended.");

/// <summary>What becomes of the rows of a block.</summary>
internal interface IRowSink
{
    /// <summary>Deals with rows; dealing with them again changes nothing more.</summary>
    /// <returns>The progress with what came of them.</returns>
    /// <exception cref="JournalBusyException">There was no room for them for a long time.</exception>
    Task<ImportProgress> TakeAsync(ImportProgress progress, IReadOnlyList<ImportRow> rows);
}

/// <summary>
/// Reads the body of a request block by block. While one block is applied and recorded the next one is read, and no more: who sends faster is held up by
/// TCP. A block that was applied and not recorded, because the process died, is applied again, which changes nothing.
/// </summary>
internal sealed class ImportRun(IImportGrain grain, ImportView view, IRowSink sink, TimeProvider time)
{
    /// <summary>A slow sender's rows are applied after so long, though they fill no block.</summary>
    private static readonly TimeSpan BlockTime = TimeSpan.FromSeconds(1);

    private readonly RowReader reader = new(view.Job);
    private long recordedAt = time.GetTimestamp();

    /// <param name="isWhole">The body goes to the end of the file. Where the job knows the file's length that is known from the bytes.</param>
    /// <returns>How far it is, durably.</returns>
    /// <exception cref="ImportMovedException">Somebody else has recorded what comes after the same progress.</exception>
    public async Task<ImportProgress> RunAsync(Stream body, bool isWhole, CancellationToken cancellation)
    {
        // What is read moves ahead of what is recorded by a block.
        var read = view.Progress;
        var recording = Task.FromResult(view.Progress);
        try
        {
            var buffer = new byte[Limits.ImportRowBytesMax + Limits.ImportBlockBytes];
            for (var isLast = false; !isLast && read.IsOpen;)
            {
                read.Tail.CopyTo(buffer, 0);
                var (length, isEnd, failure) = await FillAsync(body, buffer, read.Tail.Length, cancellation);
                isLast = isEnd;
                var isEndOfFile = isEnd && failure is null && (isWhole || read.Offset + length == view.Job.Length);
                (var rows, read) = reader.Read(read, buffer.AsSpan(0, read.Tail.Length + length), isEndOfFile);
                if (isEndOfFile && read.IsOpen)
                    read = read with { State = ImportState.Done };
                var before = await recording;
                recording = length == 0 && read.IsOpen ? Task.FromResult(before) : RecordAsync(before, read, rows);
                if (failure is not null)
                    throw failure;
            }
            return await recording;
        }
        finally
        {
            // Whatever went wrong with the body, what came before it is worth keeping.
            await ((Task)recording).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <param name="read">Where the reader was after the rows; the counts are those of <paramref name="before"/>.</param>
    private async Task<ImportProgress> RecordAsync(ImportProgress before, ImportProgress read, List<ImportRow> rows)
    {
        var next = before with
        {
            Revision = before.Revision + 1, State = read.State, Detail = read.Detail, Offset = read.Offset, Tail = read.IsOpen ? read.Tail : [],
            IsSkipping = read.IsSkipping, Columns = read.Columns, LastRow = read.LastRow,
        };
        next = await sink.TakeAsync(next, rows);
        var now = time.GetUtcNow();
        next = next with
        {
            StartedAt = next.StartedAt ?? now,
            UpdatedAt = now,
            FinishedAt = next.IsOpen ? null : now,
            RowsPerSecond = Math.Round(rows.Count / Math.Max(0.001, time.GetElapsedTime(recordedAt).TotalSeconds)),
        };
        recordedAt = time.GetTimestamp();
        return await grain.Record(next) ? next : throw new ImportMovedException();
    }

    /// <summary>Reads until there is a block, or its time is over, or nothing comes any more.</summary>
    /// <returns>How much came, whether it is the end, and what ended it.</returns>
    private static async Task<(int Length, bool IsEnd, Exception? Failure)> FillAsync(Stream body, byte[] buffer, int start, CancellationToken cancellation)
    {
        var length = 0;
        var since = Stopwatch.GetTimestamp();
        while (length < Limits.ImportBlockBytes && (length == 0 || Stopwatch.GetElapsedTime(since) < BlockTime))
        {
            try
            {
                var count = await body.ReadAsync(buffer.AsMemory(start + length, Limits.ImportBlockBytes - length), cancellation);
                if (count == 0)
                    return (length, true, null);
                length += count;
            }
            catch (Exception failure) when (failure is IOException or OperationCanceledException or InvalidDataException)
            {
                return (length, true, failure is InvalidDataException ? new BadHttpRequestException("The body is not valid gzip.", failure) : failure);
            }
        }
        return (length, false, null);
    }
}

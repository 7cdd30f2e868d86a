namespace Orleans.Personalize.Senders;

/// <summary>
/// Appends whole lines to a file or to standard output, one at a time. The file is opened for each line, so it may be moved or removed
/// at any moment.
/// </summary>
/// <param name="path">The file's full path; null for standard output.</param>
internal sealed class LineFile(string? path, Stream standardOutput) : IDisposable
{
    private readonly SemaphoreSlim turn = new(1);

    /// <param name="line">With its line break.</param>
    /// <exception cref="IOException">The line was not written; nothing of it remains.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public async Task AppendAsync(ReadOnlyMemory<byte> line, CancellationToken cancellation)
    {
        await turn.WaitAsync(cancellation);
        try
        {
            // From here on not to be cancelled: half a line would stay.
            if (path is null)
                await WriteToStandardOutput(line);
            else
                await WriteToFile(path, line);
        }
        finally
        {
            turn.Release();
        }
    }

    public void Dispose() => turn.Dispose();

    private async Task WriteToStandardOutput(ReadOnlyMemory<byte> line)
    {
        await standardOutput.WriteAsync(line, CancellationToken.None);
        await standardOutput.FlushAsync(CancellationToken.None);
    }

    private static async Task WriteToFile(string path, ReadOnlyMemory<byte> line)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            Options = FileOptions.Asynchronous,
            BufferSize = 0,
        });
        var length = file.Length;
        try
        {
            if (!await EndsWithLineBreak(file, length))
                line = (byte[])[(byte)'\n', .. line.Span];
            file.Position = length;
            await file.WriteAsync(line, CancellationToken.None);
        }
        catch (IOException)
        {
            // A full disk may have taken a part.
            file.SetLength(length);
            throw;
        }
    }

    /// <summary>What a crash left without its end becomes a line of its own, so that the next is whole.</summary>
    private static async Task<bool> EndsWithLineBreak(FileStream file, long length)
    {
        if (length == 0)
            return true;
        var last = new byte[1];
        file.Position = length - 1;
        await file.ReadExactlyAsync(last, CancellationToken.None);
        return last[0] == '\n';
    }
}

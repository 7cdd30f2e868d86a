using System.Collections.Concurrent;
using System.Text.Json;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Senders;

/// <summary>
/// Makes senders of documents like <c>{"type":"log","channel":"email","path":"sends.ndjson"}</c>. The path lies under one directory and
/// defaults to <c>{sender's id}.ndjson</c>; <c>-</c> is standard output. Senders of the same path share the file.
/// </summary>
internal sealed class LogSenderFactory(string directory, Stream standardOutput, TimeProvider clock) : ISenderFactory, IDisposable
{
    private const string StandardOutput = "-";
    private const int PathLengthMax = 255;

    private readonly string directory = Path.GetFullPath(directory);
    private readonly ConcurrentDictionary<string, LineFile> files = new(StringComparer.Ordinal);

    public string Type => "log";

    public bool Deduplicates => true;

    public IReadOnlyList<DocumentError> Validate(JsonElement document) => Read(document).Errors;

    /// <exception cref="ArgumentException">The document is not valid, or the sender's id cannot name a file.</exception>
    public ISender Create(string workspace, string senderId, JsonElement document)
    {
        var path = Read(document).Path ?? $"{senderId}.ndjson";
        if (!IsInside(path))
            throw new ArgumentException($"Sender '{senderId}' has no path to write to.", nameof(document));
        return new LogSender(files.GetOrAdd(path, Open), clock);
    }

    public void Dispose()
    {
        foreach (var file in files.Values)
            file.Dispose();
        standardOutput.Dispose();
    }

    private (IReadOnlyList<DocumentError> Errors, string? Path) Read(JsonElement json)
    {
        var errors = new List<DocumentError>();
        var document = new DocumentReader(json, "", errors);
        if (SenderTerms.Read(document, this, "path") is null)
            return (errors, null);
        var path = document.Text("path");
        if (path is not null && !IsInside(path))
            document.Fail("/path", $"must be a relative path of at most {PathLengthMax} characters without \"..\", or \"-\" for standard output");
        return (errors, path);
    }

    private LineFile Open(string path) => new(path == StandardOutput ? null : Path.Combine(directory, path), standardOutput);

    /// <summary>Whether the path stays in the directory on every operating system. Ids and paths come over the API.</summary>
    private static bool IsInside(string path) =>
        path is { Length: > 0 and <= PathLengthMax }
        && !path.Any(letter => char.IsControl(letter) || letter is '\\' or ':')
        && path.Split('/').All(part => part is not ("" or "." or ".."));
}

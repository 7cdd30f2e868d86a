using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>By which way events came in, as far as it matters what becomes of those that are not let in.</summary>
/// <param name="Name">Of the connector, as the metrics have it.</param>
/// <param name="Format">How what it could not read is to be read again: the <see cref="IQuarantinedFormat.Name"/>.</param>
/// <param name="TellsEach">
/// Whether its answer says of each event that it could not be read. Where it does not, such an event is quarantined instead of being refused.
/// </param>
internal sealed record Door(string Name, string Format, bool TellsEach)
{
    public static readonly Door Native = new("native", NativeFormat.FormatName, TellsEach: true);
    public static readonly Door Segment = new("segment", SegmentFormat.FormatName, TellsEach: false);

    /// <summary>Stands for the source of what could not be read.</summary>
    public string Source { get; init; } = Name;

    /// <summary>What its format needs besides a body, where that is the same for all; a JSON object, or absent.</summary>
    public JsonText Context { get; init; }

    /// <summary>Of a connector whose caller is told what was refused, or refuses nothing.</summary>
    public static Door Telling(string name) => new(name, NativeFormat.FormatName, TellsEach: true);

    /// <summary>Of a source with a document: a program sends, and nobody reads what it is answered of single events.</summary>
    public static Door Of(Source source) => new(source.Type, SourceFormat.FormatName, TellsEach: false) { Source = source.Id };

    /// <summary>Of the rows of an import.</summary>
    public static Door Of(ImportJob job) => new("import", ImportFormat.FormatName, TellsEach: false) { Source = job.Source, Context = ImportFormat.ContextOf(job) };
}

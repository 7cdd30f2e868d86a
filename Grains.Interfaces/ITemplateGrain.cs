namespace Orleans.Personalize;

/// <summary>Shows what a template says, keyed <c>workspace/templateId</c>. It holds nothing and sends nothing.</summary>
[Alias("ITemplateGrain")]
public interface ITemplateGrain : IGrainWithStringKey
{
    /// <summary>Renders the newest document, or a draft of it, with what it includes as that is stored.</summary>
    /// <returns>Null where there is neither a document nor a draft.</returns>
    Task<TemplatePreview?> Preview(PreviewRequest request);
}

/// <param name="Profile">Whose mail it is.</param>
/// <param name="Data">As a trigger's <c>send.data</c>: a JSON object or absent.</param>
/// <param name="EventProperties">A JSON object or absent.</param>
/// <param name="Draft">A document in place of the stored one; absent: the stored one.</param>
[GenerateSerializer, Immutable, Alias("PreviewRequest")]
public sealed record PreviewRequest(
    [property: Id(0)] CustomerView Profile,
    [property: Id(1)] JsonText Data,
    [property: Id(2)] string? EventName,
    [property: Id(3)] JsonText EventProperties,
    [property: Id(4)] JsonText Draft);

/// <param name="Content">The name of the content that was used; null where none could be.</param>
/// <param name="Missing">The fields that were missing from each content that was tried.</param>
/// <param name="Reasons">Why the contents before it were not used.</param>
/// <param name="Errors">What is wrong with the document; then all else is empty.</param>
[GenerateSerializer, Immutable, Alias("TemplatePreview")]
public sealed record TemplatePreview(
    [property: Id(0)] string? Subject,
    [property: Id(1)] string? Preheader,
    [property: Id(2)] string? Html,
    [property: Id(3)] string? Text,
    [property: Id(4)] string? Content,
    [property: Id(5)] MissingField[] Missing,
    [property: Id(6)] string[] Reasons,
    [property: Id(7)] DocumentError[] Errors);

/// <param name="Part">subject, preheader, html or text; null where the content requires the field.</param>
[GenerateSerializer, Immutable, Alias("MissingField")]
public sealed record MissingField(
    [property: Id(0)] string Content,
    [property: Id(1)] string? Part,
    [property: Id(2)] string Field);

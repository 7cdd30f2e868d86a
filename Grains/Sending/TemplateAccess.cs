using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using HandlebarsDotNet;
using HandlebarsDotNet.Compiler;
using HandlebarsDotNet.Helpers;
using HandlebarsDotNet.IO;
using HandlebarsDotNet.Iterators;
using HandlebarsDotNet.MemberAccessors;
using HandlebarsDotNet.ObjectDescriptors;
using HandlebarsDotNet.PathStructure;

namespace Orleans.Personalize.Sending;

/// <summary>
/// Closes Handlebars' window on .NET. By default it finds the members of any object by reflection; here an object has its keys, a list its
/// indexes and <c>length</c>, and everything else has nothing.
/// </summary>
internal sealed class TemplateAccess : IObjectDescriptorProvider
{
    private static readonly ObjectDescriptor Objects = Describe<TemplateObject>(
        new ObjectAccessor(), new CountedIterator(new DictionaryIterator<Dictionary<string, object?>, string, object?>()));

    private static readonly ObjectDescriptor Lists = Describe<TemplateList>(
        new ListAccessor(), new CountedIterator(new ListIterator<TemplateList, object?>()));

    private static readonly ObjectDescriptor Undefined = Describe<UndefinedBindingResult>(new UndefinedAccessor(), new NoIterator());

    private static readonly ObjectDescriptor Opaque = Describe<object>(new NoAccessor(), new NoIterator());

    public bool TryGetDescriptor(Type type, [NotNullWhen(true)] out ObjectDescriptor? value)
    {
        value = type == typeof(TemplateObject) ? Objects
            : type == typeof(TemplateList) ? Lists
            : type == typeof(UndefinedBindingResult) ? Undefined
            : Opaque;
        return true;
    }

    private static ObjectDescriptor Describe<T>(IMemberAccessor members, IIterator iterator) =>
        new(typeof(T), members, (_, _) => Array.Empty<object>(), _ => iterator);

    private sealed class ObjectAccessor : IMemberAccessor
    {
        public bool TryGetValue(object instance, ChainSegment memberName, out object? value)
        {
            value = ((TemplateObject)instance).Find(memberName.TrimmedValue);
            return true;
        }
    }

    private sealed class ListAccessor : IMemberAccessor
    {
        public bool TryGetValue(object instance, ChainSegment memberName, out object? value)
        {
            value = ((TemplateList)instance).FindOrUndefined(memberName.TrimmedValue);
            return true;
        }
    }

    /// <summary>What is in something missing is missing, too, and known by the whole path.</summary>
    private sealed class UndefinedAccessor : IMemberAccessor
    {
        public bool TryGetValue(object instance, ChainSegment memberName, out object? value)
        {
            value = TemplateUndefined.At($"{((UndefinedBindingResult)instance).Value}.{memberName.TrimmedValue}");
            return true;
        }
    }

    private sealed class NoAccessor : IMemberAccessor
    {
        public bool TryGetValue(object instance, ChainSegment memberName, out object? value)
        {
            value = null;
            return false;
        }
    }

    private sealed class CountedIterator(IIterator inner) : IIterator
    {
        public void Iterate(in EncodedTextWriter writer, BindingContext context, ChainSegment[] blockParamsVariables, object input,
            TemplateDelegate template, TemplateDelegate ifEmpty) =>
            inner.Iterate(
                writer,
                context,
                blockParamsVariables,
                ((ILoopable)input).EnterLoop(out var budget),
                (turnWriter, turn) =>
                {
                    budget.CheckTime();
                    template(turnWriter, turn);
                },
                ifEmpty);
    }

    private sealed class NoIterator : IIterator
    {
        public void Iterate(in EncodedTextWriter writer, BindingContext context, ChainSegment[] blockParamsVariables, object input,
            TemplateDelegate template, TemplateDelegate ifEmpty) => ifEmpty(writer, context);
    }
}

/// <summary>A value that is not there: falsy, written as nothing, and known by its path.</summary>
internal static class TemplateUndefined
{
    /// <summary>Not by Handlebars' own method, which keeps every path for ever; these hold names from events.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    public static extern UndefinedBindingResult At(string path);
}

/// <summary>
/// Writes booleans as JSON does, an object as nothing instead of as the name of its .NET type, and of what is missing that it is missing.
/// </summary>
internal sealed class TemplateFormatter : IFormatterProvider, IFormatter
{
    public bool TryCreateFormatter(Type type, [NotNullWhen(true)] out IFormatter? formatter)
    {
        formatter = type == typeof(bool) || type == typeof(TemplateObject) || type == typeof(UndefinedBindingResult) ? this : null;
        return formatter is not null;
    }

    public void Format<T>(T value, in EncodedTextWriter writer)
    {
        if (value is bool truth)
            writer.Write(truth ? "true" : "false", encode: false);
        else if (value is UndefinedBindingResult missing)
            TemplateRendering.Current.Miss(missing.Value);
    }
}

/// <summary>
/// Refuses at compilation a helper that does not exist (Handlebars asks its resolvers for what it does not know and otherwise lets the
/// rendering fail).
/// </summary>
internal sealed class UnknownHelpers : IHelperResolver
{
    private bool compiled;

    public void CompilationEnded() => compiled = true;

    public bool TryResolveHelper(PathInfo name, Type? targetType, [NotNullWhen(true)] out IHelperDescriptor<HelperOptions>? helper)
    {
        helper = null;
        return compiled ? false : throw new TemplateException($"There is no helper named '{name}'.");
    }

    /// <summary>A block of an unknown name is a section over a field of that name.</summary>
    public bool TryResolveBlockHelper(PathInfo name, [NotNullWhen(true)] out IHelperDescriptor<BlockHelperOptions>? helper)
    {
        helper = null;
        return false;
    }
}
